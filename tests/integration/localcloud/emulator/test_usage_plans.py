"""Usage plans of API Gateway: which keys they accept, and how they are changed and deleted."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import eventually
from tools.localcloud.cloud import LocalCloud


@pytest.fixture
def gateway(cloud: LocalCloud) -> Any:
    return cloud.client("apigateway")


@pytest.fixture
def stage() -> dict[str, str]:
    """A stage; usage plans of the local cloud do not check whether it exists."""
    return {"apiId": uuid.uuid4().hex[:8], "stage": "v1"}


def plan(gateway: Any, stage: dict[str, str]) -> str:
    made = gateway.create_usage_plan(
        name="plan",
        apiStages=[stage],
        throttle={"rateLimit": 100, "burstLimit": 200},
        quota={"limit": 1000, "period": "DAY"},
    )
    return str(made["id"])


def put(gateway: Any, plan_id: str, key_id: str) -> str:
    """Put a key into a plan; return the code of the error, or an empty text."""
    try:
        gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_key_is_in_one_usage_plan_of_a_stage(gateway: Any, stage: dict[str, str]):
    one, two = plan(gateway, stage), plan(gateway, stage)
    of_another_stage = plan(gateway, {**stage, "stage": "v2"})
    key_id = gateway.create_api_key(name="k", enabled=True)["id"]

    assert put(gateway, one, key_id) == ""
    assert put(gateway, one, key_id) == put(gateway, two, key_id) == "ConflictException"
    assert put(gateway, of_another_stage, key_id) == ""
    gateway.delete_usage_plan_key(usagePlanId=one, keyId=key_id)
    assert put(gateway, two, key_id) == ""
    assert put(gateway, one, "nobodys") == "NotFoundException"


def test_a_patch_of_a_usage_plan_takes_text_and_stores_numbers(gateway: Any, stage: dict[str, str]):
    plan_id = plan(gateway, stage)
    values = {"/throttle/rateLimit": "0.5", "/throttle/burstLimit": "2", "/quota/limit": "7"}

    gateway.update_usage_plan(
        usagePlanId=plan_id,
        patchOperations=[{"op": "replace", "path": p, "value": v} for p, v in values.items()],
    )

    found = gateway.get_usage_plan(usagePlanId=plan_id)
    assert found["throttle"] == {"rateLimit": 0.5, "burstLimit": 2}
    assert found["quota"] == {"limit": 7, "period": "DAY"}


def test_a_stage_is_added_and_removed_by_a_patch(gateway: Any, stage: dict[str, str]):
    plan_id, second = plan(gateway, stage), {**stage, "stage": "v2"}

    def patched(operation: str, changed: dict[str, str]) -> Any:
        value = f"{changed['apiId']}:{changed['stage']}"
        done = {"op": operation, "path": "/apiStages", "value": value}
        return gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=[done])["apiStages"]

    assert patched("add", second) == [stage, second]
    assert patched("remove", stage) == [second]


def test_a_usage_plan_with_stages_cannot_be_deleted(gateway: Any, stage: dict[str, str]):
    plan_id = plan(gateway, stage)
    named = f"{stage['apiId']}:{stage['stage']}"

    with pytest.raises(ClientError, match=f"API Stages associated with it, including {named}"):
        gateway.delete_usage_plan(usagePlanId=plan_id)

    operation = {"op": "remove", "path": "/apiStages", "value": named}
    gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=[operation])
    gateway.delete_usage_plan(usagePlanId=plan_id)


def test_cloudformation_deletes_a_usage_plan_with_stages(
    cloud: LocalCloud, gateway: Any, stage: dict[str, str]
):
    properties = {"ApiStages": [{"ApiId": stage["apiId"], "Stage": stage["stage"]}]}
    resource = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": properties}
    outputs = {"Plan": {"Value": {"Ref": "Plan"}}}
    body = json.dumps({"Resources": {"Plan": resource}, "Outputs": outputs})
    formation, name = cloud.client("cloudformation"), f"s-{uuid.uuid4().hex[:12]}"
    formation.create_stack(StackName=name, TemplateBody=body)

    def made() -> str | None:
        (found,) = formation.describe_stacks(StackName=name)["Stacks"]
        return found["Outputs"][0]["OutputValue"] if found.get("Outputs") else None

    plan_id = eventually(made)
    formation.delete_stack(StackName=name)

    def gone() -> bool:
        return plan_id not in {p["id"] for p in gateway.get_usage_plans()["items"]}

    assert eventually(gone)
