"""The routes of the template are those of the API, and its errors have one form."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_A_KEY = {"/health"}
RETRY_AFTER = {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE", "DEFAULT_5XX"}


@pytest.fixture(scope="module")
def events(resources: dict[str, Any]) -> list[dict[str, Any]]:
    return [e["Properties"] for e in resources["ApiFunction"]["Properties"]["Events"].values()]


@pytest.fixture(scope="module")
def refusals(resources: dict[str, Any]) -> dict[str, Any]:
    return resources["Api"]["Properties"]["GatewayResponses"]


def test_template_and_code_have_the_same_paths(events):
    code = (PROJECT / "api" / "app.py").read_text()
    assert {e["Path"] for e in events} == set(re.findall(r'@app\.route\("([^"]+)"', code))


def test_a_wrong_method_reaches_the_api_which_answers_405(events):
    assert {event["Method"] for event in events} == {"any"}


def test_every_path_needs_a_key_but_those_that_say_so(events, resources):
    assert resources["Api"]["Properties"]["Auth"]["ApiKeyRequired"] is True
    free = {e["Path"] for e in events if not e.get("Auth", {}).get("ApiKeyRequired", True)}
    assert free == WITHOUT_A_KEY


def test_what_api_gateway_refuses_by_itself_has_the_form_of_our_errors(refusals):
    for name, refusal in refusals.items():
        body = refusal["ResponseTemplates"]["application/json"]
        error = json.loads(body.replace("$context.error.messageString", '"any"'))["error"]
        assert set(error) == {"code", "message"}, name


def test_whoever_is_told_to_come_back_is_told_when(refusals):
    told = {
        name
        for name, refusal in refusals.items()
        if "Retry-After" in refusal.get("ResponseParameters", {}).get("Headers", {})
    }
    assert told == RETRY_AFTER
