"""A stack whose table, API keys and usage plans are moto's."""

import functools
from typing import Any

import boto3
import pytest

from darkroom.cli import stack as stacks
from darkroom.cli.callers.changes import Callers
from darkroom.cli.stack import Stack
from tests.support.fakes.aws import TABLE, FakeAws


class OfMoto(Stack):
    """A stack whose clients are made once."""

    @staticmethod
    @functools.cache
    def client(service: str) -> Any:
        return boto3.client(service)


def a_stage(gateway: Any) -> dict[str, str]:
    """A deployed API."""
    api_id = gateway.create_rest_api(name="dev")["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    method = {"restApiId": api_id, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(**method, type="MOCK")
    gateway.create_deployment(restApiId=api_id, stageName="v1")
    return {"apiId": api_id, "stage": "v1"}


def a_plan(gateway: Any, key_id: str, stage: dict[str, str]) -> str:
    plan = gateway.create_usage_plan(
        name="shared",
        apiStages=[stage],
        throttle={"rateLimit": 100, "burstLimit": 200},
        quota={"limit": 1_000_000, "period": "DAY"},
    )
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key_id, keyType="API_KEY")
    return str(plan["id"])


@pytest.fixture(scope="module")
def gateway(cloud: FakeAws) -> Any:  # noqa: ARG001 - it starts moto
    OfMoto.client.cache_clear()
    return OfMoto.client("apigateway")


@pytest.fixture(scope="module")
def stages(gateway: Any) -> list[dict[str, str]]:
    """The API of the stack, and that of another one."""
    return [a_stage(gateway), a_stage(gateway)]


@pytest.fixture
def stack(
    aws: FakeAws,  # noqa: ARG001 - the table, empty
    gateway: Any,
    stages: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Stack:
    """A stack with the key of the template, which the command line finds."""
    for key in gateway.get_api_keys()["items"]:
        gateway.delete_api_key(apiKey=key["id"])
    for plan in gateway.get_usage_plans()["items"]:
        gateway.delete_usage_plan(usagePlanId=plan["id"])
    keys = [gateway.create_api_key(name=name, enabled=True)["id"] for name in ("ours", "theirs")]
    plans = [a_plan(gateway, *place) for place in zip(keys, stages, strict=True)]
    outputs = {"ApiKeyId": keys[0], "TableName": TABLE, "UsagePlanId": plans[0]}
    found = OfMoto("https://a.example/v1", "k", stack_name="dev", outputs=outputs)
    monkeypatch.setattr(stacks, "find", lambda *_: found)
    return found


@pytest.fixture
def callers(stack: Stack) -> Callers:
    return Callers(stack)
