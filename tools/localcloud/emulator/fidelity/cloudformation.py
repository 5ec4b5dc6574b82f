"""CloudFormation and SAM: properties and resources that ministack does not support.

Differences from AWS: docs/aws-differences.md, "API Gateway", "CloudFormation and SAM" and "Lambda
and its event sources".
"""

import copy
from typing import Any

from ministack.services import apigateway_v1, lambda_svc
from ministack.services.cloudformation import changesets, engine, provisioners

from tools.localcloud.emulator.replacing import Function, replace

SAMPLING_RULE = "AWS::XRay::SamplingRule"
ANY_METHOD = "x-amazon-apigateway-any-method"


def apply() -> None:
    """Apply the patches of this module."""
    import_any_methods()
    read_concurrency_as_a_number()
    resolve_auto_publish_code_sha256()
    accept_sampling_rules()


def import_any_methods() -> None:
    """Import a route for any method. ministack drops it, so its path has no method at all.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-any-method.html
    """
    methods = apigateway_v1._OPENAPI_HTTP_METHODS
    if "any" in methods:
        message = "ministack supports x-amazon-apigateway-any-method now"
        raise AssertionError(message)
    apigateway_v1._OPENAPI_HTTP_METHODS = {*methods, "any"}

    def around(original: Function) -> Function:
        def import_path_item(
            api_id: str, path: str, path_item: dict[str, Any], *rest: Any, **named: Any
        ) -> Any:
            known = {("any" if m == ANY_METHOD else m): op for m, op in path_item.items()}
            return original(api_id, path, known, *rest, **named)

        return import_path_item

    replace(apigateway_v1, "_import_path_item", around, has="_OPENAPI_HTTP_METHODS")


def read_concurrency_as_a_number() -> None:
    """Convert `MaximumConcurrency` to a number.

    In ministack a `Ref` to a parameter of type Number is a text, and the poller fails to compare
    it with a number, once per second.
    https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html
    """

    def around(original: Function) -> Function:
        def limit(esm: dict[str, Any], *rest: Any, **named: Any) -> Any:
            scaling = esm.get("ScalingConfig") or {}
            if isinstance(scaling.get("MaximumConcurrency"), str):
                scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
            return original(esm, *rest, **named)

        return limit

    replace(lambda_svc, "_sqs_esm_concurrency", around, has='.get("MaximumConcurrency")')


def resolve_auto_publish_code_sha256() -> None:
    """Give SAM the value of the parameter that `AutoPublishCodeSha256` refers to.

    Without the value, SAM publishes no new version when the parameter changes.
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
    """

    def around(original: Function) -> Function:
        def transform(template: dict[str, Any], *parameters: Any) -> Any:
            values = engine._transform_parameters(template, *parameters)
            known = copy.deepcopy(template)
            for resource in known.get("Resources", {}).values():
                properties = resource.get("Properties", {})
                match properties.get("AutoPublishCodeSha256"):
                    case {"Ref": str(name)} if name in values:
                        properties["AutoPublishCodeSha256"] = values[name]
            return original(known, *parameters)

        return transform

    replace(
        changesets, "_apply_transforms", around, has="_sam_transform(copy.deepcopy(template), {}"
    )


def accept_sampling_rules() -> None:
    """Accept sampling rules of X-Ray and ignore them: the local cloud records no traces.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-xray-samplingrule.html
    """
    if SAMPLING_RULE in provisioners._RESOURCE_HANDLERS:
        message = "ministack supports sampling rules now"
        raise AssertionError(message)

    def create(logical_id: str, _: Any, stack_name: str) -> tuple[str, dict[str, str]]:
        return f"{stack_name}-{logical_id}", {}

    def update(physical_id: str, *_: Any) -> tuple[str, dict[str, str]]:
        return physical_id, {}

    provisioners._RESOURCE_HANDLERS[SAMPLING_RULE] = {
        "create": create,
        "update": update,
        "delete": provisioners._cfn_noop_delete,
    }
