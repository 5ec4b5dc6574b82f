import io
import json

import pytest

from tests.support.fakes.dispatch import ORDER, Dispatch, other


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


@pytest.mark.parametrize("code", ["AccessDeniedException", "StateMachineDeleting", "Unknown"])
def test_only_the_message_whose_start_is_refused_is_delivered_again(
    dispatch: Dispatch, code: str
) -> None:
    dispatch.starts(other(1))
    dispatch.refuses(code)
    dispatch.starts(other(3))

    assert dispatch(*(json.dumps(other(n)) for n in (1, 2, 3))) == ["m1"]
    dispatch.done()


def test_a_batch_in_which_everything_fails_is_reported_and_not_raised(dispatch: Dispatch) -> None:
    for _ in range(2):
        dispatch.refuses("StateMachineDoesNotExist")

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
def test_a_message_without_a_task_is_moved_to_the_dlq_and_not_tried_again(
    dispatch: Dispatch, body: str
) -> None:
    dispatch.buries(body)
    dispatch.starts()

    assert dispatch(body, json.dumps(ORDER)) == []
    dispatch.done()


def test_a_message_that_is_moved_to_the_dlq_keeps_its_group(dispatch: Dispatch) -> None:
    dispatch.buries("nonsense", MessageGroupId="me/batch")

    assert dispatch("nonsense", MessageGroupId="me/batch") == []
    dispatch.done()


def test_a_message_that_cannot_be_moved_to_the_dlq_is_delivered_again(dispatch: Dispatch) -> None:
    dispatch.dead.add_client_error("send_message", "InternalError", http_status_code=500)
    dispatch.starts()

    assert dispatch("nonsense", json.dumps(ORDER)) == ["m0"]


def test_fields_that_a_newer_api_adds_are_passed_on(dispatch: Dispatch) -> None:
    newer = {**ORDER, "priority": "high"}
    dispatch.starts(newer)

    assert dispatch(json.dumps(newer)) == []
    dispatch.done()


def test_an_execution_continues_the_trace_of_its_request(dispatch: Dispatch) -> None:
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
    dispatch.refuses("StateMachineDeleting")

    dispatch(json.dumps(ORDER), json.dumps(other(3)))

    started, refused, returned = map(json.loads, log.getvalue().splitlines())
    assert (started["message"], started["correlation_id"]) == ("started", ORDER["taskId"])
    assert (refused["message"], refused["correlation_id"]) == ("not started", other(3)["taskId"])
    assert "StateMachineDeleting" in refused["reason"]
    assert (returned["message"], returned["messages"]) == ("messages returned", 1)
    assert "secret" not in log.getvalue()
