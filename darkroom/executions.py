"""The state machine: every call to Step Functions that Darkroom makes."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from darkroom.tasks import execution_name


class StateMachine:
    """The one state machine."""

    def __init__(self, arn: str) -> None:
        """Make the client; nothing is called yet."""
        self._arn = arn
        self._states = boto3.client(
            "stepfunctions",
            config=Config(
                connect_timeout=2,
                read_timeout=3,
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
        )

    def start(self, order: Mapping[str, Any]) -> None:
        """Start the execution of one attempt. One that was started before is a success.

        On a Standard machine the name is the guard; on an Express machine, which knows no unique
        names, a second execution starts and loses the claim in MarkRunning.

        Raises:
            botocore.exceptions.ClientError: Step Functions refused or throttled the start.
        """
        with contextlib.suppress(self._states.exceptions.ExecutionAlreadyExists):
            self._states.start_execution(
                stateMachineArn=self._arn,
                name=execution_name(order["taskId"], order["attempt"]),
                input=json.dumps(order, separators=(",", ":"), sort_keys=True),
            )
