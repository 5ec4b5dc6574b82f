"""API Gateway: the errors that it answers by itself, and who the caller is."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.services import apigateway_v1

from tools.localcloud.emulator.patches.replacing import Function, replace

# The status of these where the API has no response of its own for them.
REJECTED = 500  # Lambda refused to invoke the function: throttled, mostly
BROKEN = 502  # the function ran and failed
TOO_LARGE = 413
GENERIC_MESSAGE = "Internal server error"

# Bytes of an event that Lambda takes of a caller that waits for the answer.
LARGEST_EVENT = 6 * 2**20

# The path of the request at hand, as the client has it.
_requested: ContextVar[str] = ContextVar("requested", default="")


class NoAnswerError(Exception):
    """The function has no answer for the client: type, status and message of the response."""


def apply() -> None:
    """Apply the patches of this module."""
    import_gateway_responses()
    import_mock_integrations()
    find_the_settings_of_a_method()
    answer_for_a_failed_function()
    tell_the_api_key()
    tell_the_whole_path()
    refuse_a_disabled_key()
    refuse_a_large_request()


def import_gateway_responses() -> None:
    """`x-amazon-apigateway-gateway-responses` of an OpenAPI body, which the importer drops.

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
    """Templates and responses of an integration in an OpenAPI body, which the importer drops.

    Without them a MOCK integration answers `{}`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    """

    def import_operation(original: Function) -> Function:
        def with_templates(
            api_id: str, resource: str, method: str, operation: Any, *more: Any
        ) -> None:
            original(api_id, resource, method, operation, *more)
            told = (operation or {}).get("x-amazon-apigateway-integration") or {}
            if str(told.get("type")).upper() != "MOCK":
                return
            apigateway_v1._put_integration(api_id, resource, method, {**told, "type": "MOCK"})
            for pattern, response in (told.get("responses") or {}).items():
                apigateway_v1._put_integration_response(
                    api_id,
                    resource,
                    method,
                    response["statusCode"],
                    {**response, "selectionPattern": "" if pattern == "default" else pattern},
                )

        return with_templates

    replace(apigateway_v1, "_import_operation", import_operation, has="x-amazon-apigateway-integr")


def find_the_settings_of_a_method() -> None:
    """A stage's settings name a path with `~1` for each slash: `/~1page~1{file}/GET`.

    ministack looks for `/page/{file}/GET`, so that no method of a template is throttled.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """

    def look(original: Function) -> Function:
        def decoded(stage: Mapping[str, Any], path: str, method: str) -> Any:
            settings = {
                key.replace("/~1", "/", 1).replace("~1", "/"): entry
                for key, entry in (stage.get("methodSettings") or {}).items()
            }
            return original({**stage, "methodSettings": settings}, path, method)

        return decoded

    replace(apigateway_v1, "_method_throttle_settings", look, has="throttlingBurstLimit")


def answer_for_a_failed_function() -> None:
    """A function that failed is a 502, one that Lambda did not invoke a 500: gateway responses.

    ministack hands the function's error to the client. A refusal is an `INTEGRATION_FAILURE`: an
    API that says 429 for that type says it to a client whose function was throttled, here and on
    AWS. A failure is answered by `DEFAULT_5XX`.
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


def tell_the_api_key() -> None:
    """`requestContext.identity.apiKey` and `apiKeyId` where a method requires a key.

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


def tell_the_whole_path() -> None:
    """`requestContext.path` is all of the request's path, as it is with the base path of a domain.

    ministack tells the stage and what follows, though its clients have more before that.
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
            if path := _requested.get():  # else it is a test of a method, without a URL
                event["requestContext"]["path"] = path
            return event

        return with_path

    replace(app, "_handle_execute_api_request", handle, has="_parse_execute_api_url(host, path)")
    # Around what `tell_the_api_key` has put there.
    apigateway_v1._build_lambda_event_v1 = build(apigateway_v1._build_lambda_event_v1)


def refuse_a_disabled_key() -> None:
    """`/enabled` of UpdateApiKey is a text, "true" or "false"; ministack takes either for true.

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
    """A request whose event is over Lambda's limit of 6 MB is a 413, `REQUEST_TOO_LARGE`.

    ministack passes it on. AWS documents the limit, not the answer: 413 was seen.
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """

    def build(original: Function) -> Function:
        def limited(*args: Any, **kwargs: Any) -> dict[str, Any]:
            event: dict[str, Any] = original(*args, **kwargs)
            # A short body is not written out for nothing: an escape has six bytes at most.
            if len(event["body"] or "") * 6 > LARGEST_EVENT // 2:
                size = len(json.dumps(event, ensure_ascii=False).encode())
                if size > LARGEST_EVENT:
                    raise NoAnswerError("REQUEST_TOO_LARGE", TOO_LARGE, "Request Too Long")
            return event

        return limited

    # Around what `tell_the_api_key` has put there.
    apigateway_v1._build_lambda_event_v1 = build(apigateway_v1._build_lambda_event_v1)


def _as_strings(response: Mapping[str, Any]) -> dict[str, Any]:
    """Make a gateway response's status a string: YAML and SAM give a number."""
    status = response.get("statusCode")
    return {**response, "statusCode": None if status is None else str(status)}


def _has_status(response_type: str, request: Mapping[str, Any]) -> bool:
    """Say whether the deployed API sets the status of this response itself."""
    api_id, deployment = request["api_id"], request["stage"].get("deploymentId")
    deployed = apigateway_v1._deployed_gateway_responses.get(api_id, {}).get(deployment) or {}
    return "statusCode" in deployed.get(response_type, {})
