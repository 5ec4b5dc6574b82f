"""A state machine: every call to Step Functions that Darkroom makes."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from darkroom.aws.clients import client
from darkroom.aws.execution_failures import Outcome

SAFE_IN_A_TRACE = "-=;:+&[]{}\"',"
"""What the SDK leaves as it is of a trace's header; a line break would begin another header."""


class StateMachine:
    """One state machine: that of tasks, or that of batches."""

    def __init__(self, arn: str, workflow_type: str = "STANDARD") -> None:
        """Make the client; nothing is called yet.

        Args:
            arn: the machine's; an alias or a version only where executions are started.
            workflow_type: STANDARD or EXPRESS, which an ARN of a machine does not tell.
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
        """Start the execution of this name. One that was started before is a success.

        With the header of an X-Ray trace, the execution goes on with it; without one, with the
        trace of the function that calls.

        On a Standard machine the name is the guard; on an Express machine, which knows no unique
        names, a second execution starts and loses the claim in MarkRunning.

        Raises:
            botocore.exceptions.ClientError: Step Functions refused or throttled the start.
        """
        with contextlib.suppress(self._states.exceptions.ExecutionAlreadyExists):
            self._states.start_execution(
                stateMachineArn=self._arn,
                name=name,
                input=json.dumps(order, separators=(",", ":"), sort_keys=True),
                **({"traceHeader": trace} if trace else {}),
            )

    def arn_of(self, name: str) -> str:
        """Return the ARN that the execution of this name has, or would have, if Standard."""
        machine = self._arn.replace(":stateMachine:", ":execution:", 1)
        return f"{machine}:{name}"

    def stop(self, execution: str, cause: str, error: str = "TaskCancelled") -> None:
        """Stop an execution; it is fine if there is none, or if it cannot be stopped.

        An Express execution cannot: it ends by itself at its next write of a status.
        """
        if self._can_be_asked(execution):
            with contextlib.suppress(self._states.exceptions.ExecutionDoesNotExist):
                self._states.stop_execution(executionArn=execution, error=error, cause=cause)

    def outcome(self, execution: str) -> Outcome | None:
        """Return how an execution ended or that it runs; None if that cannot be known.

        It cannot if there is no such execution, and of an Express one.
        """
        if not self._can_be_asked(execution):
            return None
        try:
            answer = self._states.describe_execution(executionArn=execution)
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        return Outcome(answer["status"], answer.get("error"), answer.get("cause"))

    def last_step(self, execution: str) -> str:
        """Return the Task state that an execution was in last, of those that do the work.

        Of an execution that cannot be asked for it is the first one.
        """
        if not self._can_be_asked(execution):
            return "MarkRunning"
        events = self._states.get_execution_history(
            executionArn=execution, reverseOrder=True, maxResults=50
        )["events"]
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in events
            if event["type"] == "TaskStateEntered"
        ]
        return next((name for name in entered if name != "MarkFailed"), "MarkRunning")

    def _can_be_asked(self, execution: str) -> bool:
        """Whether AWS answers for an execution: it is Standard, and of this machine.

        DescribeExecution, GetExecutionHistory and StopExecution refuse the ARN of an Express
        execution as `InvalidArn`, or as access denied: IAM knows none of these actions for it.
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html

        An execution of the machine that was there before `WorkflowType` changed is no longer one
        that the functions' roles may ask for.
        """
        return not self._express and execution.startswith(self.arn_of(""))


def _keep_trace(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Note the trace that a call was given, where `_send_trace` finds it."""
    context["trace"] = params.get("traceHeader")


def _send_trace(params: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    """Send the trace that a call was given as the HTTP header, too.

    The header goes before the parameter, and in Lambda the SDK sets it to the trace of the
    invocation: the execution would belong to the trace of dispatch, not to that of the request
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    if context["trace"]:
        params["headers"]["X-Amzn-Trace-Id"] = quote(context["trace"], safe=SAFE_IN_A_TRACE)
