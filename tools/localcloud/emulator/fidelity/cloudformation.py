"""CloudFormation and SAM: properties and resources that ministack does not support.

Differences from AWS: docs/aws-differences.md, "API Gateway", "CloudFormation and SAM" and "Lambda
and its event sources".
"""

import copy
from typing import Any

from ministack.services import apigateway_v1, lambda_svc
from ministack.services.cloudformation import changesets, engine, provisioners

from tools.localcloud.emulator.replacing import Function, Patch, replaces

SAMPLING_RULE = "AWS::XRay::SamplingRule"
ANY_METHOD = "x-amazon-apigateway-any-method"


@replaces(apigateway_v1, "_import_path_item", has="_OPENAPI_HTTP_METHODS")
def import_any_methods(
    original: Function, api_id: str, path: str, path_item: dict[str, Any], *rest: Any, **named: Any
) -> Any:
    """Import a route for any method. ministack drops it, so its path has no method at all.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-any-method.html
    """
    known = {("any" if m == ANY_METHOD else m): op for m, op in path_item.items()}
    return original(api_id, path, known, *rest, **named)


@Patch
def accept_any_as_a_method() -> None:
    """Let ministack import the method `any`: see `import_any_methods`."""
    methods = apigateway_v1._OPENAPI_HTTP_METHODS
    if "any" in methods:
        message = "ministack supports x-amazon-apigateway-any-method now"
        raise AssertionError(message)
    apigateway_v1._OPENAPI_HTTP_METHODS = {*methods, "any"}


@replaces(lambda_svc, "_sqs_esm_concurrency", has='.get("MaximumConcurrency")')
def read_concurrency_as_a_number(
    original: Function, esm: dict[str, Any], *rest: Any, **named: Any
) -> Any:
    """Convert `MaximumConcurrency` to a number.

    In ministack a `Ref` to a parameter of type Number is a text, and the poller fails to compare
    it with a number, once per second.
    https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html
    """
    scaling = esm.get("ScalingConfig") or {}
    if isinstance(scaling.get("MaximumConcurrency"), str):
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return original(esm, *rest, **named)


@replaces(changesets, "_apply_transforms", has="_sam_transform(copy.deepcopy(template), {}")
def resolve_auto_publish_code_sha256(
    original: Function, template: dict[str, Any], *parameters: Any
) -> Any:
    """Give SAM the value of the parameter that `AutoPublishCodeSha256` refers to.

    Without the value, SAM publishes no new version when the parameter changes.
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
    """
    values = engine._transform_parameters(template, *parameters)
    known = copy.deepcopy(template)
    for resource in known.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        match properties.get("AutoPublishCodeSha256"):
            case {"Ref": str(name)} if name in values:
                properties["AutoPublishCodeSha256"] = values[name]
    return original(known, *parameters)


@Patch
def accept_sampling_rules() -> None:
    """Accept sampling rules of X-Ray and ignore them: the local cloud records no traces.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-xray-samplingrule.html
    """
    if SAMPLING_RULE in provisioners._RESOURCE_HANDLERS:
        message = "ministack supports sampling rules now"
        raise AssertionError(message)
    provisioners._RESOURCE_HANDLERS[SAMPLING_RULE] = {
        "create": lambda logical_id, _, stack_name: (f"{stack_name}-{logical_id}", {}),
        "update": lambda physical_id, *_: (physical_id, {}),
        "delete": provisioners._cfn_noop_delete,
    }
