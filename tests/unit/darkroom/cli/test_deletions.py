"""`darkroom delete` asks first; `send-webhook` and `webhook-secret` do what they say."""

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.support.fakes.api import Api, darkroom

SECRET = {"secret": "whsec_AAAA", "previousExpiresAt": None}
ROTATED = {"secret": "whsec_BBBB", "previousExpiresAt": "2026-11-27T09:12:07.254Z"}


@pytest.fixture
def api(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    monkeypatch.chdir(tmp_path)
    fake = Api(httpserver, monkeypatch)
    fake.add("t1")
    fake.add("t2")
    return fake


def test_tasks_are_shown_and_deleted_once_each(api: Api) -> None:
    done = darkroom("delete", "t2", "t1", "t2", "--yes")

    assert done.exit_code == 0
    assert sorted(api.repairs) == ["delete t1", "delete t2"]
    assert [line.split() for line in done.stdout.splitlines()[-2:]] == [
        ["DELETED", "t2"],
        ["DELETED", "t1"],
    ]


def test_nothing_is_deleted_without_consent(api: Api) -> None:
    done = darkroom("delete", "t1", input="n\n")

    assert done.exit_code == 1
    assert api.repairs == []
    assert "cannot be undone" in done.output


def test_a_refusal_names_its_task_and_stops_no_other(api: Api) -> None:
    api.refusals["t1"] = (409, "Cancel it first.")

    done = darkroom("delete", "t1", "t2", "missing", "--yes")

    assert done.exit_code == 1
    assert "t1: Cancel it first." in done.stderr
    assert "missing: " in done.stderr
    assert done.stdout.splitlines()[-1].split() == ["DELETED", "t2"]


@pytest.mark.parametrize("arguments", [[], ["t1", "--batch", "b1"]])
def test_either_tasks_or_a_batch_are_deleted(api: Api, arguments: list[str]) -> None:
    done = darkroom("delete", *arguments)

    assert done.exit_code == 2
    assert api.repairs == []


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_a_batch_is_deleted_in_the_background_after_a_yes(api: Api, answer: str) -> None:
    api.batches.start("b1", [{"imageUrl": "https://x/a.png"}], None)
    api.batches.end("b1", "CANCELLED")

    done = darkroom("delete", "--batch", "b1", input=answer)

    assert api.batches.actions == (["delete b1"] if answer == "y\n" else [])
    assert ("being deleted" in done.stdout) == (answer == "y\n")


def test_a_webhook_is_sent_again(api: Api) -> None:
    done = darkroom("send-webhook", "t1")

    assert done.exit_code == 0
    assert api.repairs == ["callback t1"]
    assert darkroom("send-webhook").exit_code == 2


def test_the_secret_is_printed_and_rotated_after_a_yes(api: Api) -> None:
    server = api.server
    server.expect_request("/dev/callback-secret").respond_with_json(SECRET)
    server.expect_request("/dev/callback-secret/rotate", "POST").respond_with_json(ROTATED)

    assert darkroom("webhook-secret").stdout == "whsec_AAAA\n"
    assert darkroom("webhook-secret", "--rotate", input="n\n").exit_code == 1
    rotated = darkroom("webhook-secret", "--rotate", "--yes")
    assert rotated.stdout == "whsec_BBBB\n"
    assert "until 2026-11-27T09:12:07.254Z" in rotated.stderr
    assert json.loads(darkroom("webhook-secret", "--json").stdout) == SECRET
    assert len([r for r, _ in server.log if r.path.endswith("/rotate")]) == 1
