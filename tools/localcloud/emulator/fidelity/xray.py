"""X-Ray: trace headers are passed on. No traces are recorded.

Differences from AWS: docs/aws-differences.md, "X-Ray and SQS".
"""

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1, lambda_svc, sqs, stepfunctions

from tools.localcloud.emulator.replacing import Function, Patch, replace, replaces

HEADER = "x-amzn-trace-id"

# The trace header of the current request.
_trace: ContextVar[str | None] = ContextVar("trace", default=None)


@Patch
def keep_the_trace_of_a_request() -> None:
    """Keep the trace header of a request as long as the request is handled."""

    def traced(position: int) -> Callable[[Function], Function]:
        def around(original: Function) -> Function:
            async def handle(*arguments: Any) -> Any:
                token = _trace.set(arguments[position].get(HEADER))
                try:
                    return await original(*arguments)
                finally:
                    _trace.reset(token)

            return handle

        return around

    replace(apigateway_v1, "handle_execute", traced(4), has="headers")
    replace(sqs, "handle_request", traced(2), has='headers.get("x-amz-target"')
    replace(stepfunctions, "handle_request", traced(2), has='"StartExecution": _start_execution')


@replaces(lambda_svc, "_xray_trace_id_for_invocation", has="if inbound_trace_header:")
def pass_the_trace_to_the_function_of_an_api(
    original: Function, config: dict[str, Any], inbound: str | None = None
) -> Any:
    """A function that API Gateway invokes continues the trace of the request.

    ministack starts a new trace for each invocation.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html
    """
    return original(config, inbound or _trace.get())


@replaces(sqs, "_build_send_sys_attrs", has="AWSTraceHeader")
def store_the_trace_with_a_message(
    original: Function, now: float, given: dict[str, Any]
) -> dict[str, Any]:
    """The trace header of SendMessage becomes the message's attribute `AWSTraceHeader`.

    This includes SendMessageBatch. ministack sets the attribute only if the request names it.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    found: dict[str, Any] = original(now, given)
    if trace := _trace.get():
        found.setdefault("AWSTraceHeader", trace)
    return found


@replaces(stepfunctions, "_start_execution", has="ExecutionAlreadyExists")
def store_the_trace_with_an_execution(original: Function, data: dict[str, Any]) -> Any:
    """DescribeExecution returns `traceHeader`: the header of StartExecution, or its parameter.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    answer = original(data)
    trace = _trace.get() or data.get("traceHeader")
    arn = json.loads(answer[2]).get("executionArn")
    if trace and (execution := stepfunctions._executions.get(arn)):
        execution.setdefault("traceHeader", trace)
    return answer


@replaces(stepfunctions, "_describe_execution", has='"executionArn"')
def describe_the_trace(original: Function, data: dict[str, Any]) -> Any:
    """Add the trace that `store_the_trace_with_an_execution` has stored."""
    execution = stepfunctions._executions.get(data.get("executionArn"))
    answer = original(data)
    if execution and "traceHeader" in execution and answer[0] == 200:  # noqa: PLR2004
        document = {**json.loads(answer[2]), "traceHeader": execution["traceHeader"]}
        return stepfunctions.json_response(document)
    return answer
