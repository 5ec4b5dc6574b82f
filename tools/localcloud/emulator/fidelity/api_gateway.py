"""API Gateway: gateway responses, imported integrations, API keys and limits.

Differences from AWS: docs/aws-differences.md, "API Gateway".
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.services import apigateway_v1

from tools.localcloud.emulator.replacing import Function, replaces

GENERIC_MESSAGE = "Internal server error"

# The largest event of a synchronous invocation, in bytes.
LARGEST_EVENT = 6 * 2**20

# The path of the current request, as the client sent it.
_requested: ContextVar[str] = ContextVar("requested", default="")


class NoAnswerError(Exception):
    """There is no answer of a function; has the type, status and message of the response.

    The status holds unless the API defines a gateway response with another one.
    """


@replaces(apigateway_v1, "_import_rest_api", has="_import_path_item")
def import_gateway_responses(
    original: Function, spec: dict[str, Any], base_data: Any = None
) -> str:
    """Import `x-amazon-apigateway-gateway-responses` of an OpenAPI body. ministack drops them.

    SAM writes a template's `GatewayResponses` there.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
    """
    api_id: str = original(spec, base_data)
    responses = spec.get("x-amazon-apigateway-gateway-responses") or {}
    for response_type, response in responses.items():
        status, _, body = apigateway_v1._put_gateway_response(api_id, response_type, response)
        if status != 201:  # noqa: PLR2004
            raise ValueError(f"gateway response {response_type}: {body.decode()}")
    return api_id


@replaces(apigateway_v1, "_import_operation", has="x-amazon-apigateway-integr")
def import_mock_integrations(
    original: Function, api_id: str, resource: str, method: str, operation: Any, *more: Any
) -> None:
    """Import the templates and responses of a MOCK integration. ministack drops them.

    Without them the integration answers `{}`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    """
    original(api_id, resource, method, operation, *more)
    given = (operation or {}).get("x-amazon-apigateway-integration") or {}
    if str(given.get("type")).upper() != "MOCK":
        return
    apigateway_v1._put_integration(api_id, resource, method, {**given, "type": "MOCK"})
    for pattern, response in (given.get("responses") or {}).items():
        apigateway_v1._put_integration_response(
            api_id,
            resource,
            method,
            response["statusCode"],
            {**response, "selectionPattern": "" if pattern == "default" else pattern},
        )


@replaces(apigateway_v1, "_method_throttle_settings", has="throttlingBurstLimit")
def decode_the_paths_of_method_settings(
    original: Function, stage: Mapping[str, Any], path: str, method: str
) -> Any:
    """A stage's settings write each slash of a path as `~1`: `/~1page~1{file}/GET`.

    ministack looks for `/page/{file}/GET`, so no method of a template is throttled.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """
    settings = {
        key.replace("/~1", "/", 1).replace("~1", "/"): entry
        for key, entry in (stage.get("methodSettings") or {}).items()
    }
    return original({**stage, "methodSettings": settings}, path, method)


@replaces(apigateway_v1, "_lambda_proxy_response", has="== 502")
def answer_for_a_failed_function(original: Function, result: Mapping[str, Any]) -> Any:
    """Answer 502 if the function failed, 500 if Lambda did not invoke it: gateway responses.

    ministack returns the function's error to the client. An invocation that Lambda refused is an
    `INTEGRATION_FAILURE`: an API that sets 429 for that type answers 429 when its function is
    throttled, here and on AWS. A function that failed is answered by `DEFAULT_5XX`.
    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    if result.get("throttle"):
        raise NoAnswerError("INTEGRATION_FAILURE", 500, GENERIC_MESSAGE)
    if result.get("error"):
        raise NoAnswerError("DEFAULT_5XX", 502, GENERIC_MESSAGE)
    return original(result)


@replaces(apigateway_v1, "_invoke_lambda_proxy_v1", has="_lambda_proxy_response(result)")
async def make_the_gateway_response(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Answer with the gateway response that a NoAnswerError names."""
    try:
        return await original(*args, **kwargs)
    except NoAnswerError as reason:
        response_type, status, message = reason.args
        error = apigateway_v1._gw_error(response_type, message)
        error.status = status
        return error


@replaces(apigateway_v1, "_gateway_error_response", has="_deployed_gateway_responses")
def set_the_status_of_the_gateway_response(
    original: Function, error: Any, request: Mapping[str, Any]
) -> Any:
    """Use the status of a NoAnswerError, unless the deployed API sets another one."""
    status, headers, body = original(error, request)
    api_id, deployment = request["api_id"], request["stage"].get("deploymentId")
    deployed = apigateway_v1._deployed_gateway_responses.get(api_id, {}).get(deployment) or {}
    if hasattr(error, "status") and "statusCode" not in deployed.get(error.response_type, {}):
        status = error.status
    return status, headers, body


@replaces(apigateway_v1, "_build_lambda_event_v1", has='"identity": {')
def add_the_api_key_to_the_event(original: Function, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Add `requestContext.identity.apiKey` and `apiKeyId` if the method requires a key.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    event: dict[str, Any] = original(*args, **kwargs)
    _, _, _, resource, _, method, headers, *_ = args
    methods = resource.get("resourceMethods") or {}
    required = (methods.get(method) or methods.get("ANY") or {}).get("apiKeyRequired")
    key = apigateway_v1._resolve_api_key(apigateway_v1._api_key_from_request(headers))
    if required and key:
        identity = event["requestContext"]["identity"]
        identity.update(apiKey=key["value"], apiKeyId=key["id"])
    return event


@replaces(app, "_handle_execute_api_request", has="_parse_execute_api_url(host, path)")
async def keep_the_whole_path(
    original: Function, host: str, path: str, *args: Any, **kwargs: Any
) -> Any:
    """Keep the path of a request for `add_the_whole_path_to_the_event`."""
    token = _requested.set(path)
    try:
        return await original(host, path, *args, **kwargs)
    finally:
        _requested.reset(token)


@replaces(apigateway_v1, "_build_lambda_event_v1", has='"path": ')
def add_the_whole_path_to_the_event(
    original: Function, *args: Any, **kwargs: Any
) -> dict[str, Any]:
    """Set `requestContext.path` to the whole path, as AWS does with a custom domain's base path.

    In ministack it begins with the stage, though the path that clients request is longer.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    event: dict[str, Any] = original(*args, **kwargs)
    if path := _requested.get():  # empty in TestInvokeMethod, which has no URL
        event["requestContext"]["path"] = path
    return event


@replaces(apigateway_v1, "_update_api_key", has="_apply_patch(key, patch_ops)")
def refuse_a_disabled_key(original: Function, key_id: str, data: dict[str, Any]) -> Any:
    """UpdateApiKey sets `/enabled` to "true" or "false". ministack treats both as true.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateApiKey.html
    """
    operations = [
        {**operation, "value": str(operation["value"]).lower() == "true"}
        if operation.get("path") == "/enabled"
        else operation
        for operation in data.get("patchOperations", [])
    ]
    return original(key_id, {**data, "patchOperations": operations})


@replaces(apigateway_v1, "_build_lambda_event_v1", has='"body": ')
def refuse_a_large_request(original: Function, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Answer 413 `REQUEST_TOO_LARGE` if the event exceeds Lambda's limit of 6 MB.

    ministack invokes the function. AWS documents the limit but not the answer: 413 was observed.
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    event: dict[str, Any] = original(*args, **kwargs)
    # A short body needs no encoding to know that it fits: an escape has at most six bytes.
    if len(event["body"] or "") * 6 > LARGEST_EVENT // 2:
        size = len(json.dumps(event, ensure_ascii=False).encode())
        if size > LARGEST_EVENT:
            raise NoAnswerError("REQUEST_TOO_LARGE", 413, "Request Too Long")
    return event
