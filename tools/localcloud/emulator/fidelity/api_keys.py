"""API Gateway: which usage plan a key can be in, and how a usage plan is changed and deleted.

Differences from AWS: docs/aws-differences.md, "API Gateway".
"""

from typing import Any

from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

from tools.localcloud.emulator.replacing import Function, Patch, rely_on, replaces

NUMBERS = {"/throttle/rateLimit": float, "/throttle/burstLimit": int, "/quota/limit": int}
"""Members of a usage plan that are numbers. The value of every patch operation is text."""
STAGES = "/apiStages"


@replaces(apigateway_v1, "_create_usage_plan_key", has='data.get("keyId", "")')
def keep_a_key_in_one_plan_of_a_stage(original: Function, plan_id: str, data: Any) -> Any:
    """Refuse a key that does not exist, or is in a usage plan of the same stage already.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
    """
    key_id = data.get("keyId", "")
    if key_id not in apigateway_v1._api_keys:
        return apigateway_v1._v1_error("NotFoundException", "Invalid API Key identifier", 404)
    for stage in (apigateway_v1._usage_plans.get(plan_id) or {}).get("apiStages") or []:
        api, name = stage["apiId"], stage["stage"]
        if apigateway_v1._usage_plans_for_key(key_id, api, name):
            message = f"The key {key_id} is already in a usage plan of the stage {api}:{name}"
            return apigateway_v1._v1_error("ConflictException", message, 409)
    return original(plan_id, data)


@replaces(apigateway_v1, "_update_usage_plan", has="_apply_patch(plan, patch_ops)")
def patch_a_usage_plan(original: Function, plan_id: str, data: dict[str, Any]) -> Any:
    """Let UpdateUsagePlan add and remove a stage, which is given as `api:stage`, and set numbers.

    In ministack the stages become the text, and limits are returned as text.
    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateUsagePlan.html
    https://docs.aws.amazon.com/cli/latest/reference/apigateway/update-usage-plan.html
    """
    others = []
    plan = apigateway_v1._usage_plans.get(plan_id) or {}
    for operation in data.get("patchOperations", []):
        path = operation.get("path")
        if path == STAGES:
            api, _, name = operation["value"].partition(":")
            stage = {"apiId": api, "stage": name}
            kept = [s for s in plan.get("apiStages") or [] if not stage.items() <= s.items()]
            plan["apiStages"] = [*kept, stage] if operation["op"] == "add" else kept
        elif number := NUMBERS.get(path):
            others.append({**operation, "value": number(operation["value"])})
        else:
            others.append(operation)
    return original(plan_id, {**data, "patchOperations": others})


@replaces(apigateway_v1, "_delete_usage_plan", has="_usage_plans.pop(plan_id, None)")
def refuse_to_delete_a_plan_with_stages(original: Function, plan_id: str) -> Any:
    """Refuse to delete a usage plan that has stages.

    The message was reported by users of AWS: https://github.com/aws/aws-sdk-js/issues/3841
    """
    if stages := (apigateway_v1._usage_plans.get(plan_id) or {}).get("apiStages"):
        message = (
            f"Cannot delete Usage Plan {plan_id} because there are API Stages associated with it, "
            f"including {stages[0]['apiId']}:{stages[0]['stage']}"
        )
        return apigateway_v1._v1_error("BadRequestException", message, 400)
    return original(plan_id)


@Patch
def remove_the_stages_of_a_plan_first() -> None:
    """CloudFormation removes the stages of a usage plan, and then deletes the plan.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-usageplan.html
    """
    delete = rely_on(
        provisioners, "_apigw_usage_plan_delete", has="_delete_usage_plan(physical_id)"
    )

    def delete_without_stages(plan_id: str, properties: Any) -> None:
        if plan := apigateway_v1._usage_plans.get(plan_id):
            plan["apiStages"] = []
        delete(plan_id, properties)

    provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::UsagePlan"]["delete"] = delete_without_stages
