"""API Gateway: gateway responses, imported integrations, API keys and limits.

Differences from AWS: docs/aws-differences.md, "API Gateway".
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.services import apigateway_v1

from tools.localcloud.emulator.replacing import Function, replace

# Status codes, unless the API defines a gateway response with another one.
REJECTED = 500  # Lambda did not invoke the function, mostly because it was throttled
BROKEN = 502  # the function ran and failed
TOO_LARGE = 413
GENERIC_MESSAGE = "Internal server error"

# The largest event of a synchronous invocation, in bytes.
LARGEST_EVENT = 6 * 2**20

# The path of the current request, as the client sent it.
_requested: ContextVar[str] = ContextVar("requested", default="")


class NoAnswerError(Exception):
    """There is no answer of a function; has the type, status and message of the response."""


def apply() -> None:
    """Apply the patches of this module."""
    import_gateway_responses()
    import_mock_integrations()
    decode_the_paths_of_method_settings()
    answer_for_a_failed_function()
    add_the_api_key_to_the_event()
    add_the_whole_path_to_the_event()
    refuse_a_disabled_key()
    refuse_a_large_request()


def import_gateway_responses() -> None:
    """Import `x-amazon-apigateway-gateway-responses` of an OpenAPI body. ministack drops them.

    SAM writes a template's `GatewayResponses` there.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
    """

    def import_api(original: Function) -> Function:
        def with_responses(spec: dict[str, Any], base_data: Any = None) -> str:
            api_id: str = original(spec, base_data)
            responses = spec.get("x-amazon-apigateway-gateway-responses") or {}
            for response_type, response in responses.items():
                status, _, body = apigateway_v1._put_gateway_response(
                    api_id, response_type, _as_strings(response)
                )
                if status != 201:  # noqa: PLR2004
                    raise ValueError(f"gateway response {response_type}: {body.decode()}")
            return api_id

        return with_responses

    replace(apigateway_v1, "_import_rest_api", import_api, has="_import_path_item")


def import_mock_integrations() -> None:
    """Import the templates and responses of a MOCK integration. ministack drops them.

    Without them the integration answers `{}`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    """

    def import_operation(original: Function) -> Function:
        def with_templates(
            api_id: str, resource: str, method: str, operation: Any, *more: Any
        ) -> None:
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

        return with_templates

    replace(apigateway_v1, "_import_operation", import_operation, has="x-amazon-apigateway-integr")


def decode_the_paths_of_method_settings() -> None:
    """A stage's settings write each slash of a path as `~1`: `/~1page~1{file}/GET`.

    ministack looks for `/page/{file}/GET`, so no method of a template is throttled.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """

    def look(original: Function) -> Function:
        def with_paths(stage: Mapping[str, Any], path: str, method: str) -> Any:
            settings = {
                key.replace("/~1", "/", 1).replace("~1", "/"): entry
                for key, entry in (stage.get("methodSettings") or {}).items()
            }
            return original({**stage, "methodSettings": settings}, path, method)

        return with_paths

    replace(apigateway_v1, "_method_throttle_settings", look, has="throttlingBurstLimit")


def answer_for_a_failed_function() -> None:
    """Answer 502 if the function failed, 500 if Lambda did not invoke it: gateway responses.

    ministack returns the function's error to the client. An invocation that Lambda refused is an
    `INTEGRATION_FAILURE`: an API that sets 429 for that type answers 429 when its function is
    throttled, here and on AWS. A function that failed is answered by `DEFAULT_5XX`.
    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """

    def respond(original: Function) -> Function:
        def check(result: Mapping[str, Any]) -> Any:
            if result.get("throttle"):
                raise NoAnswerError("INTEGRATION_FAILURE", REJECTED, GENERIC_MESSAGE)
            if result.get("error"):
                raise NoAnswerError("DEFAULT_5XX", BROKEN, GENERIC_MESSAGE)
            return original(result)

        return check

    def invoke(original: Function) -> Function:
        async def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                return await original(*args, **kwargs)
            except NoAnswerError as reason:
                response_type, status, message = reason.args
                error = apigateway_v1._gw_error(response_type, message)
                error.status = status
                return error

        return answer

    def render(original: Function) -> Function:
        def with_status(error: Any, request: Mapping[str, Any]) -> Any:
            status, headers, body = original(error, request)
            if hasattr(error, "status") and not _has_status(error.response_type, request):
                status = error.status
            return status, headers, body

        return with_status

    replace(apigateway_v1, "_lambda_proxy_response", respond, has="== 502")
    replace(apigateway_v1, "_invoke_lambda_proxy_v1", invoke, has="_lambda_proxy_response(result)")
    replace(apigateway_v1, "_gateway_error_response", render, has="_deployed_gateway_responses")


def add_the_api_key_to_the_event() -> None:
    """Add `requestContext.identity.apiKey` and `apiKeyId` if the method requires a key.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """

    def build(original: Function) -> Function:
        def with_key(*args: Any, **kwargs: Any) -> dict[str, Any]:
            event: dict[str, Any] = original(*args, **kwargs)
            _, _, _, resource, _, method, headers, *_ = args
            methods = resource.get("resourceMethods") or {}
            required = (methods.get(method) or methods.get("ANY") or {}).get("apiKeyRequired")
            key = apigateway_v1._resolve_api_key(apigateway_v1._api_key_from_request(headers))
            if required and key:
                identity = event["requestContext"]["identity"]
                identity.update(apiKey=key["value"], apiKeyId=key["id"])
            return event

        return with_key

    replace(apigateway_v1, "_build_lambda_event_v1", build, has='"identity": {')


def add_the_whole_path_to_the_event() -> None:
    """Set `requestContext.path` to the whole path, as AWS does with a custom domain's base path.

    In ministack it begins with the stage, though the path that clients request is longer.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """

    def handle(original: Function) -> Function:
        async def request(host: str, path: str, *args: Any, **kwargs: Any) -> Any:
            token = _requested.set(path)
            try:
                return await original(host, path, *args, **kwargs)
            finally:
                _requested.reset(token)

        return request

    def build(original: Function) -> Function:
        def with_path(*args: Any, **kwargs: Any) -> dict[str, Any]:
            event: dict[str, Any] = original(*args, **kwargs)
            if path := _requested.get():  # empty in TestInvokeMethod, which has no URL
                event["requestContext"]["path"] = path
            return event

        return with_path

    replace(app, "_handle_execute_api_request", handle, has="_parse_execute_api_url(host, path)")
    # This wraps the function that `add_the_api_key_to_the_event` has replaced.
    apigateway_v1._build_lambda_event_v1 = build(apigateway_v1._build_lambda_event_v1)


def refuse_a_disabled_key() -> None:
    """UpdateApiKey sets `/enabled` to "true" or "false". ministack treats both as true.

    https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateApiKey.html
    """

    def update(original: Function) -> Function:
        def with_a_boolean(key_id: str, data: dict[str, Any]) -> Any:
            operations = [
                {**operation, "value": str(operation["value"]).lower() == "true"}
                if operation.get("path") == "/enabled"
                else operation
                for operation in data.get("patchOperations", [])
            ]
            return original(key_id, {**data, "patchOperations": operations})

        return with_a_boolean

    replace(apigateway_v1, "_update_api_key", update, has="_apply_patch(key, patch_ops)")


def refuse_a_large_request() -> None:
    """Answer 413 `REQUEST_TOO_LARGE` if the event exceeds Lambda's limit of 6 MB.

    ministack invokes the function. AWS documents the limit but not the answer: 413 was observed.
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """

    def build(original: Function) -> Function:
        def limited(*args: Any, **kwargs: Any) -> dict[str, Any]:
            event: dict[str, Any] = original(*args, **kwargs)
            # A short body needs no encoding to know that it fits: an escape has at most six bytes.
            if len(event["body"] or "") * 6 > LARGEST_EVENT // 2:
                size = len(json.dumps(event, ensure_ascii=False).encode())
                if size > LARGEST_EVENT:
                    raise NoAnswerError("REQUEST_TOO_LARGE", TOO_LARGE, "Request Too Long")
            return event

        return limited

    # This wraps the function that `add_the_api_key_to_the_event` has replaced.
    apigateway_v1._build_lambda_event_v1 = build(apigateway_v1._build_lambda_event_v1)


def _as_strings(response: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the status of a gateway response to text: YAML and SAM give a number."""
    status = response.get("statusCode")
    return {**response, "statusCode": None if status is None else str(status)}


def _has_status(response_type: str, request: Mapping[str, Any]) -> bool:
    """Return whether the deployed API sets the status of this response."""
    api_id, deployment = request["api_id"], request["stage"].get("deploymentId")
    deployed = apigateway_v1._deployed_gateway_responses.get(api_id, {}).get(deployment) or {}
    return "statusCode" in deployed.get(response_type, {})
