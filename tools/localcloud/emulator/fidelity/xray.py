"""X-Ray: trace headers are passed on. No traces are recorded.

Differences from AWS: docs/aws-differences.md, "X-Ray and SQS".
"""

import json
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1, lambda_svc, sqs, stepfunctions

from tools.localcloud.emulator.replacing import Function, replace

HEADER = "x-amzn-trace-id"

# The trace header of the current request.
_trace: ContextVar[str | None] = ContextVar("trace", default=None)


def apply() -> None:
    """Apply the patches of this module."""
    pass_the_trace_to_the_function_of_an_api()
    store_the_trace_with_a_message()
    store_the_trace_with_an_execution()


def pass_the_trace_to_the_function_of_an_api() -> None:
    """A function that API Gateway invokes continues the trace of the request.

    ministack starts a new trace for each invocation.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html
    """

    def execute(original: Function) -> Function:
        async def traced(api_id: str, stage: str, method: str, path: str, *rest: Any) -> Any:
            headers, *_ = rest
            return await _with_trace(headers, original(api_id, stage, method, path, *rest))

        return traced

    def choose(original: Function) -> Function:
        def trace(config: dict[str, Any], inbound: str | None = None) -> Any:
            return original(config, inbound or _trace.get())

        return trace

    replace(apigateway_v1, "handle_execute", execute, has="headers")
    replace(lambda_svc, "_xray_trace_id_for_invocation", choose, has="if inbound_trace_header:")


def store_the_trace_with_a_message() -> None:
    """The trace header of SendMessage becomes the message's attribute `AWSTraceHeader`.

    This includes SendMessageBatch. ministack sets the attribute only if the request names it.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """

    def handle(original: Function) -> Function:
        async def traced(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
            return await _with_trace(headers, original(method, path, headers, *rest))

        return traced

    def build(original: Function) -> Function:
        def attributes(now: float, given: dict[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = original(now, given)
            if trace := _trace.get():
                found.setdefault("AWSTraceHeader", trace)
            return found

        return attributes

    replace(sqs, "handle_request", handle, has='headers.get("x-amz-target"')
    replace(sqs, "_build_send_sys_attrs", build, has="AWSTraceHeader")


def store_the_trace_with_an_execution() -> None:
    """DescribeExecution returns `traceHeader`: the header of StartExecution, or its parameter.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """

    def handle(original: Function) -> Function:
        async def traced(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
            return await _with_trace(headers, original(method, path, headers, *rest))

        return traced

    def start(original: Function) -> Function:
        def traced(data: dict[str, Any]) -> Any:
            answer = original(data)
            trace = _trace.get() or data.get("traceHeader")
            arn = json.loads(answer[2]).get("executionArn")
            if trace and (execution := stepfunctions._executions.get(arn)):
                execution.setdefault("traceHeader", trace)
            return answer

        return traced

    def describe(original: Function) -> Function:
        def traced(data: dict[str, Any]) -> Any:
            execution = stepfunctions._executions.get(data.get("executionArn"))
            answer = original(data)
            if execution and "traceHeader" in execution and answer[0] == 200:  # noqa: PLR2004
                document = {**json.loads(answer[2]), "traceHeader": execution["traceHeader"]}
                return stepfunctions.json_response(document)
            return answer

        return traced

    replace(stepfunctions, "handle_request", handle, has='"StartExecution": _start_execution')
    # These two wrap the functions that `executions` has replaced.
    stepfunctions._start_execution = start(stepfunctions._start_execution)
    stepfunctions._describe_execution = describe(stepfunctions._describe_execution)


async def _with_trace(headers: Mapping[str, str], answer: Awaitable[Any]) -> Any:
    token = _trace.set(headers.get(HEADER))
    try:
        return await answer
    finally:
        _trace.reset(token)
