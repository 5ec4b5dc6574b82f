import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

ORDER = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "attempt": 2,
    "source": {"imageUrl": "https://example.com/a.jpg?sig=secret"},
    "output": {"format": "auto", "quality": 90},
}
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
STARTED = {"executionArn": "arn:aws:states:eu-central-1:1:execution:t:n", "startDate": 0}


class Dispatch:
    """The function, with Step Functions and the dead-letter queue under control."""

    def __init__(self, module: ModuleType) -> None:
        self._handler, self.logger = module.handler, module.logger
        self.states = Stubber(module.machine._states)
        self.dead = Stubber(module.dead_letters._sqs)
        self.states.activate()
        self.dead.activate()

    def __call__(self, *bodies: str, **attributes: str) -> list[str]:
        """Dispatch messages `m0`, `m1`, …; return those that come again."""
        records = [
            {
                "messageId": f"m{n}",
                "receiptHandle": "r",
                "body": body,
                "attributes": attributes,
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

    def done(self) -> None:
        self.states.assert_no_pending_responses()
        self.dead.assert_no_pending_responses()


@pytest.fixture
def dispatch(load: Callable[[str, str], ModuleType]) -> Dispatch:
    return Dispatch(load("api", "dispatch"))


def other(n: int) -> dict[str, Any]:
    return {**ORDER, "attempt": n}


def test_each_message_starts_one_execution_named_after_task_and_attempt(
    dispatch: Dispatch,
) -> None:
    orders = [other(n) for n in (1, 2, 3)]
    for order in orders:
        dispatch.starts(order)

    assert dispatch(*(json.dumps(order) for order in orders)) == []
    dispatch.done()


def test_the_same_order_has_the_same_input_however_it_is_written(dispatch: Dispatch) -> None:
    dispatch.starts()
    dispatch.starts()
    shuffled = {key: ORDER[key] for key in ("output", "source", "attempt", "taskId")}

    assert dispatch(json.dumps(ORDER, indent=4), json.dumps(shuffled)) == []
    dispatch.done()


def test_an_execution_that_was_started_before_is_a_success(dispatch: Dispatch) -> None:
    dispatch.refuses("ExecutionAlreadyExists")

    assert dispatch(json.dumps(ORDER)) == []
    dispatch.done()


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ExecutionLimitExceeded", "StateMachineDeleting", "Unknown"]
)
def test_a_message_whose_start_is_refused_comes_again_and_it_alone(
    dispatch: Dispatch, code: str
) -> None:
    dispatch.starts(other(1))
    dispatch.refuses(code)
    dispatch.starts(other(3))

    assert dispatch(*(json.dumps(other(n)) for n in (1, 2, 3))) == ["m1"]
    dispatch.done()


def test_a_batch_in_which_everything_fails_is_reported_and_not_raised(dispatch: Dispatch) -> None:
    for _ in range(2):
        dispatch.refuses("ThrottlingException")

    assert dispatch(json.dumps(other(1)), json.dumps(other(2))) == ["m0", "m1"]


NO_TASKS = [
    "", "nonsense", "[]", "null", "{}", '{"taskId": "x"}', "\ud800",
    json.dumps({**ORDER, "attempt": "2"}),
    json.dumps({**ORDER, "attempt": True}),
    json.dumps({**ORDER, "attempt": 1.5}),
    json.dumps({**ORDER, "taskId": 7}),
    json.dumps({**ORDER, "source": "https://example.com"}),
    json.dumps({**ORDER, "output": None}),
    "[" * 100_000,
    '{"taskId": 1' + "0" * 5000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("body", NO_TASKS, ids=[repr(body)[:40] for body in NO_TASKS])
def test_a_message_that_is_no_task_is_buried_and_not_tried_again(
    dispatch: Dispatch, body: str
) -> None:
    dispatch.buries(body)
    dispatch.starts()

    assert dispatch(body, json.dumps(ORDER)) == []
    dispatch.done()


def test_a_message_that_is_buried_keeps_its_group(dispatch: Dispatch) -> None:
    dispatch.buries("nonsense", MessageGroupId="me/batch")

    assert dispatch("nonsense", MessageGroupId="me/batch") == []
    dispatch.done()


def test_a_message_that_cannot_be_buried_comes_again(dispatch: Dispatch) -> None:
    dispatch.dead.add_client_error("send_message", "InternalError", http_status_code=500)
    dispatch.starts()

    assert dispatch("nonsense", json.dumps(ORDER)) == ["m0"]


def test_fields_that_a_newer_api_adds_are_passed_on(dispatch: Dispatch) -> None:
    newer = {**ORDER, "priority": "high"}
    dispatch.starts(newer)

    assert dispatch(json.dumps(newer)) == []
    dispatch.done()


def test_an_execution_goes_on_with_the_trace_of_its_request(dispatch: Dispatch) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    dispatch.starts(ORDER, traceHeader=trace)

    assert dispatch(json.dumps(ORDER), AWSTraceHeader=trace) == []
    dispatch.done()


def test_every_message_is_a_line_with_the_id_of_its_task_and_why_it_was_not_started(
    dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(dispatch.logger.registered_handler, "stream", log)
    dispatch.starts()
    dispatch.refuses("ThrottlingException")

    dispatch(json.dumps(ORDER), json.dumps(other(3)))

    started, refused = map(json.loads, log.getvalue().splitlines())
    assert (started["message"], started["correlation_id"]) == ("started", ORDER["taskId"])
    assert (refused["message"], refused["correlation_id"]) == ("not started", other(3)["taskId"])
    assert "ThrottlingException" in refused["reason"]
    assert "secret" not in log.getvalue()
