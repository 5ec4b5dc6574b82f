"""The dispatch function, with controlled services."""

import json
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from botocore.stub import ANY, Stubber

from darkroom.tasks.dispatcher import Dispatcher

ORDER = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "attempt": 2,
    "source": {"imageUrl": "https://example.com/a.jpg?sig=secret"},
    "output": {"format": "auto", "quality": 90},
}
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
STARTED = {"executionArn": "arn:aws:states:eu-central-1:1:execution:t:n", "startDate": 0}


class SteppedClock:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Dispatch:
    """The function, with controlled Step Functions and dead-letter queue."""

    def __init__(self, module: ModuleType) -> None:
        self._handler, self.logger = module.handler, module.logger
        self.clock = SteppedClock()
        machine = module.dispatcher._machine
        module.dispatcher = Dispatcher(machine, lambda: self, self.clock, self.clock.sleep)
        self.items: list[dict[str, Any]] = []
        self.reads: list[list[dict[str, str]]] = []
        self.states = Stubber(machine._states)
        self.dead = Stubber(module.dead_letters._sqs)
        self.states.activate()
        self.dead.activate()

    def __call__(self, *bodies: str, groups: Sequence[str] = (), **attributes: str) -> list[str]:
        """Dispatch messages `m0`, `m1`, …; return those that are delivered again."""
        records = [
            {
                "messageId": f"m{n}",
                "receiptHandle": "r",
                "body": body,
                "attributes": attributes | ({"MessageGroupId": groups[n]} if groups else {}),
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:tasks",
                "awsRegion": "eu-central-1",
            }
            for n, body in enumerate(bodies)
        ]
        answer = self._handler({"Records": records}, None)
        assert list(answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def starts(self, order: dict[str, Any] = ORDER, **more: str) -> None:
        self.states.add_response(
            "start_execution",
            STARTED,
            {
                "stateMachineArn": MACHINE,
                "name": f"{order['taskId']}-{order['attempt']}",
                "input": json.dumps(order, separators=(",", ":"), sort_keys=True),
                **more,
            },
        )

    def refuses(self, code: str, status: int = 400) -> None:
        self.states.add_client_error("start_execution", code, http_status_code=status)

    def buries(self, body: str, **more: str) -> None:
        reason = {"DataType": "String", "StringValue": ANY}
        message = {"QueueUrl": ANY, "MessageBody": body, "MessageAttributes": {"reason": reason}}
        self.dead.add_response("send_message", {}, {**message, **more})

    def get_many(self, keys: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Replaces the table of tasks."""
        self.reads.append(keys)
        return self.items

    def done(self) -> None:
        self.states.assert_no_pending_responses()
        self.dead.assert_no_pending_responses()


def other(n: int) -> dict[str, Any]:
    """Return the order of another attempt."""
    return {**ORDER, "attempt": n}
