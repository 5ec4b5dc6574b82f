"""A state machine: every call to Step Functions."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from darkroom.aws.clients import client
from darkroom.aws.execution_failures import Outcome

Json = dict[str, Any]

LIST_PAGE, MAX_LISTED = 1000, 20_000
"""Executions in one answer of ListExecutions, and in all answers together."""
THROTTLED = frozenset({"ThrottlingException", "KmsThrottlingException", "ExecutionLimitExceeded"})
"""The errors of StartExecution that pass when the account is less busy.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
SAFE_IN_A_TRACE = "-=;:+&[]{}\"',"
"""Characters in a trace header that the SDK does not quote. A line break has to be quoted, because
it would begin another header."""
MOST_EVENTS = 1000
"""On a page of a history: the most that AWS returns. A state that was retried often has dozens."""


class StartThrottled(Exception):
    """Step Functions starts no more executions at present. Retryable."""


class StateMachine:
    """One state machine: that of tasks, or that of batches."""

    def __init__(self, arn: str, workflow_type: str = "STANDARD") -> None:
        """Create the client, without any call yet.

        Args:
            arn: the machine's ARN. That of an alias or a version only allows `start`.
            workflow_type: STANDARD or EXPRESS; the ARN of a machine does not contain it.
        """
        self._arn = arn
        self._express = workflow_type == "EXPRESS"
        self._states = client(
            "stepfunctions", retries={"mode": "standard", "total_max_attempts": 2}
        )
        events = self._states.meta.events
        events.register("provide-client-params.sfn.StartExecution", _keep_trace)
        events.register_last("before-call.sfn.StartExecution", _send_trace)

    def start(self, name: str, order: Mapping[str, Any], trace: str | None = None) -> None:
        """Start the execution of this name. Succeeds if it was started before.

        On a Standard machine the unique name prevents a second execution. An Express machine has no
        unique names: a second execution starts, and does not get the claim in MarkRunning.

        Args:
            name: the name of the execution.
            order: its input.
            trace: the header of the X-Ray trace that the execution continues; None: the trace of
                the calling function.

        Raises:
            StartThrottled: the account starts, or has, too many executions.
            botocore.exceptions.ClientError: Step Functions refused the start.
        """
        try:
            self._states.start_execution(
                stateMachineArn=self._arn,
                name=name,
                input=json.dumps(order, separators=(",", ":"), sort_keys=True),
                **({"traceHeader": trace} if trace else {}),
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            pass
        except ClientError as error:
            if error.response["Error"]["Code"] in THROTTLED:
                raise StartThrottled(str(error)) from error
            raise

    def arn_of(self, name: str) -> str:
        """Return the ARN that a Standard execution of this name has or would have."""
        machine = self._arn.replace(":stateMachine:", ":execution:", 1)
        return f"{machine}:{name}"

    def stop(self, execution: str, cause: str, error: str = "TaskCancelled") -> None:
        """Stop an execution. Does nothing if it does not exist, has ended or cannot be stopped.

        An Express execution cannot be stopped. It ends at its next write of a status.
        """
        if self._is_accessible(execution):
            errors = self._states.exceptions
            # AWS does not document its answer for an execution that has ended. All that it could
            # find wrong with this request is the state of the execution.
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
            with contextlib.suppress(errors.ExecutionDoesNotExist, errors.ValidationException):
                self._states.stop_execution(executionArn=execution, error=error, cause=cause)

    @property
    def describes_executions(self) -> bool:
        """Whether AWS reports the status of the machine's executions: not that of Express ones."""
        return not self._express

    def running(self) -> frozenset[str]:
        """Return the ARNs of the RUNNING executions, at most `MAX_LISTED`, the newest first.

        The list may be some seconds old. AWS has no list of Express executions, so that theirs is
        empty. https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        """
        if self._express:
            return frozenset()
        request = {"stateMachineArn": self._arn, "statusFilter": "RUNNING", "maxResults": LIST_PAGE}
        found: list[str] = []
        for page in _pages(lambda **more: self._states.list_executions(**request, **more)):
            found += [execution["executionArn"] for execution in page["executions"]]
            if len(found) >= MAX_LISTED:
                break
        return frozenset(found)

    def outcome(self, execution: str) -> Outcome | None:
        """Return the status of an execution; None if it does not exist or is Express."""
        if not self._is_accessible(execution):
            return None
        try:
            answer = self._states.describe_execution(executionArn=execution)
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        redriven = answer.get("redriveCount", 0) > 0
        return Outcome(answer["status"], answer.get("error"), answer.get("cause"), redriven)

    def last_step(self, execution: str) -> str:
        """Return the Task state that an execution entered last, apart from MarkFailed.

        If that is unknown, as for an Express execution or after 90 days, it is the first one.
        """
        if self._is_accessible(execution):
            with contextlib.suppress(self._states.exceptions.ExecutionDoesNotExist):
                steps = (name for name in self._entered(execution) if name != "MarkFailed")
                return next(steps, "MarkRunning")
        return "MarkRunning"

    def events(self, execution: str, most: int) -> tuple[list[Json], bool] | None:
        """Return the events of an execution, and whether all were read: at most about `most`.

        None if it does not exist, has expired, or is not a Standard one of this machine. AWS keeps
        a history for 90 days: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html

        Raises:
            BotoCoreError, ClientError: Step Functions did not answer, or throttled.
        """
        if not self._is_accessible(execution):
            return None
        request = {"executionArn": execution, "maxResults": MOST_EVENTS}
        found: list[Json] = []
        try:
            for page in _pages(
                lambda **more: self._states.get_execution_history(**request, **more)
            ):
                found += page["events"]
                if len(found) >= most and "nextToken" in page:
                    return found, False
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        return found, True

    def _entered(self, execution: str) -> Iterator[str]:
        """Yield the Task states that an execution entered, the last one first.

        One page is nearly always enough. But AWS may return fewer events than were asked for:
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
        """
        request = {"executionArn": execution, "reverseOrder": True, "includeExecutionData": False}
        request["maxResults"] = MOST_EVENTS
        for page in _pages(lambda **more: self._states.get_execution_history(**request, **more)):
            for event in page["events"]:
                if event["type"] == "TaskStateEntered":
                    yield event["stateEnteredEventDetails"]["name"]

    def _is_accessible(self, execution: str) -> bool:
        """Whether an execution can be described and stopped: it is Standard, and of this machine.

        DescribeExecution, GetExecutionHistory and StopExecution refuse the ARN of an Express
        execution as `InvalidArn`, or deny access, because IAM has no such action for it.
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html

        After a change of `WorkflowType`, the roles of the functions give no access to executions of
        the previous machine.
        """
        return not self._express and execution.startswith(self.arn_of(""))


def _pages(call: Callable[..., Json]) -> Iterator[Json]:
    """Yield the pages of an answer, each when it is needed."""
    page = call()
    yield page
    while "nextToken" in page:
        page = call(nextToken=page["nextToken"])
        yield page


def _keep_trace(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Store the `traceHeader` of a call for `_send_trace`."""
    context["trace"] = params.get("traceHeader")


def _send_trace(params: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    """Also send the `traceHeader` of a call as the HTTP header.

    The header takes precedence over the parameter, and in Lambda the SDK sets it to the trace of
    the invocation. The execution would then belong to the trace of dispatch instead of the request
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    if context["trace"]:
        params["headers"]["X-Amzn-Trace-Id"] = quote(context["trace"], safe=SAFE_IN_A_TRACE)
