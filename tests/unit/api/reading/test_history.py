"""`GET /tasks/{taskId}/history`: from the events of an execution to the answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.support.api_caller import Api
from tests.support.api_histories import SOURCE, arn, ask, running
from tests.support.recorded.histories import (
    EXPRESS,
    INVOKED,
    SUCCEEDED,
    entered,
    exited,
    history,
)
from tests.support.recorded.histories import (
    STARTED as EXECUTION_STARTED,
)

URL = "https://user:pw@example.com/a/token.jpg?X-Amz-Signature=abc"
SIGNED = json.dumps(
    {
        "taskId": "t1",
        "source": {"imageUrl": URL},
        "callbackUrl": "https://hooks.example/services/T0/secret",
        "headers": {"Authorization": "Bearer abc"},
        "data": "data:image/png;base64,AAAA",
        "sourceKey": "work/t1/1/source",
    }
)


@pytest.fixture
def states(api: Api) -> Iterator[Stubber]:
    """What Step Functions answers."""
    with Stubber(api.module.task_service.machine._states) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect(stub: Stubber, task_id: str, *events: Any, attempt: int = 1) -> None:
    asked = {"executionArn": arn(task_id, attempt), "maxResults": 1000}
    stub.add_response("get_execution_history", {"events": history(*events)}, asked)


def test_a_failed_execution_is_shown_by_states_tries_and_events(api: Api, states: Stubber) -> None:
    task_id = running(api)
    invoke = {"resource": "invoke", "resourceType": "lambda"}
    cause = json.dumps({"errorType": "SourceNotFound", "errorMessage": "https://x/… answered 404."})
    failed = ("TaskFailed", {**invoke, "error": "SourceNotFound", "cause": cause})
    end = ("ExecutionFailed", {"error": "SourceNotFound", "cause": "https://x/… answered 404."})
    expect(
        states,
        task_id,
        EXECUTION_STARTED,
        entered("Task", "Download"),
        *INVOKED,
        failed,
        exited("Task", "Download"),
        entered("Fail", "TaskFailed"),
        end,
    )

    reported = ask(api, task_id)

    assert (reported["taskId"], reported["attempt"], reported["status"]) == (task_id, 1, "FAILED")
    assert (reported["error"], reported["cause"]) == ("SourceNotFound", "https://x/… answered 404.")
    download, fail = reported["states"]
    assert (download["name"], download["type"]) == ("Download", "Task")
    assert (download["outcome"], fail["outcome"]) == ("CAUGHT_ERROR", "FAILED")
    assert download["cause"] == "https://x/… answered 404."
    assert [(each["seconds"], each["error"]) for each in download["tries"]] == [
        (2.0, "SourceNotFound")
    ]
    assert reported["events"][1]["type"] == "TaskStateEntered"
    assert reported["events"][4]["cause"] == "https://x/… answered 404."
    assert (reported["complete"], reported["missing"]) == (True, None)
    assert reported["execution"] == {
        "arn": arn(task_id),
        "consoleUrl": f"https://console.example/{arn(task_id)}",
        "logsUrl": None,
    }


def test_no_secret_is_in_inputs_and_outputs(api: Api, states: Stubber) -> None:
    task_id = running(api)
    expect(
        states,
        task_id,
        ("ExecutionStarted", {"input": SIGNED}),
        ("TaskStateEntered", {"name": "Download", "input": SIGNED}),
        ("TaskStateExited", {"name": "Download", "output": SIGNED}),
        ("ExecutionSucceeded", {"output": SIGNED}),
    )

    reported = ask(api, task_id)

    for data in (reported["input"], reported["output"], reported["states"][0]["input"]):
        assert data == {
            "taskId": "t1",
            "source": {"imageUrl": "https://example.com/…"},
            "callbackUrl": "https://hooks.example/…",
            "headers": {"Authorization": "…"},
            "data": "data:…",
            "sourceKey": "work/t1/1/source",
        }
    for secret in ("pw", "token", "Signature", "Bearer", "services", "AAAA"):
        assert secret not in json.dumps(reported)


def test_a_caught_error_is_shown_without_its_stack_trace(api: Api, states: Stubber) -> None:
    task_id = running(api)
    cause = json.dumps({"errorMessage": "answered 404.", "stackTrace": ["File /var/task/x.py"]})
    output = json.dumps({"each": [{"Error": "E", "Cause": cause}]})
    left = ("TaskStateExited", {"name": "Download", "output": output})
    expect(states, task_id, EXECUTION_STARTED, entered("Task", "Download"), left)

    (download,) = ask(api, task_id)["states"]

    assert download["output"] == {"each": [{"Error": "E", "Cause": "answered 404."}]}


def test_a_cause_of_another_service_is_shown_without_its_urls(api: Api, states: Stubber) -> None:
    task_id = running(api)
    end = ("ExecutionFailed", {"error": "X", "cause": f"could not read {URL}"})
    expect(states, task_id, EXECUTION_STARTED, entered("Task", "Download"), end)

    reported = ask(api, task_id)

    assert reported["cause"] == "could not read https://example.com/…"
    assert "token" not in json.dumps(reported)


def test_what_is_too_large_is_named_and_left_out(api: Api, states: Stubber) -> None:
    task_id = running(api)
    large = json.dumps("x" * 9000)
    expect(states, task_id, ("ExecutionStarted", {"input": large}), SUCCEEDED)

    reported = ask(api, task_id)

    assert (reported["input"], reported["output"], reported["omitted"]) == (None, {}, ["input"])


def test_a_long_history_is_read_by_pages_and_shown_by_its_ends(api: Api, states: Stubber) -> None:
    task_id = running(api)
    events = history(EXECUTION_STARTED, entered("Task", "Download"), *[INVOKED[0]] * 1998)
    asked = {"executionArn": arn(task_id), "maxResults": 1000}
    first = {"events": events[:1000], "nextToken": "more"}
    states.add_response("get_execution_history", first, asked)
    states.add_response(
        "get_execution_history", {"events": events[1000:]}, {**asked, "nextToken": "more"}
    )

    reported = ask(api, task_id)

    assert [event["id"] for event in reported["events"]] == [*range(1, 501), *range(1501, 2001)]
    assert reported["complete"] is False


def test_a_history_without_end_is_not_read_forever(api: Api, states: Stubber) -> None:
    task_id = running(api)
    page = {"events": history(*[INVOKED[0]] * 1000), "nextToken": "more"}
    for _ in range(5):
        states.add_response("get_execution_history", page)

    assert ask(api, task_id)["complete"] is False


def test_an_attempt_before_is_found_by_its_name(api: Api, states: Stubber) -> None:
    task_id = running(api)
    api.aws.store.fail(task_id, 1, arn(task_id), {"step": "Download", "error": "X", "message": "m"})
    assert api.post(f"/tasks/{task_id}/retry").status == 202
    expect(states, task_id, EXECUTION_STARTED, SUCCEEDED)

    reported = ask(api, task_id, attempt="1")

    assert (reported["attempt"], reported["status"]) == (1, "SUCCEEDED")


def test_an_execution_that_has_not_claimed_its_task_yet_is_found_by_its_name(
    api: Api, states: Stubber
) -> None:
    task_id = api.post("/tasks", {"imageUrl": SOURCE}).body["taskId"]
    expect(states, task_id, EXECUTION_STARTED, entered("Task", "MarkRunning"))

    reported = ask(api, task_id)

    assert [state["outcome"] for state in reported["states"]] == ["RUNNING"]
    assert reported["status"] == "RUNNING"


@pytest.mark.parametrize(("claimed", "code"), [(False, "NotStarted"), (True, "Expired")])
def test_an_execution_that_does_not_exist_is_reported_with_the_reason(
    api: Api, states: Stubber, *, claimed: bool, code: str
) -> None:
    task_id = running(api) if claimed else api.post("/tasks", {"imageUrl": SOURCE}).body["taskId"]
    states.add_client_error("get_execution_history", "ExecutionDoesNotExist")

    reported = ask(api, task_id)

    assert reported["missing"]["code"] == code
    assert (reported["states"], reported["events"], reported["status"]) == ([], [], None)
    assert (reported["execution"] is None) is not claimed


@pytest.mark.usefixtures("states")
def test_an_attempt_that_does_not_exist_is_reported_without_a_call(api: Api) -> None:
    reported = ask(api, running(api), attempt="2")

    assert reported["missing"]["code"] == "NoSuchAttempt"


@pytest.mark.parametrize("attempt", ["0", "x", "-1", "1.5"])
def test_an_attempt_that_is_not_a_number_is_refused(api: Api, attempt: str) -> None:
    answer = api.get(f"/tasks/{running(api)}/history", attempt=attempt)

    assert (answer.status, answer.error["field"]) == (400, "attempt")


def test_anothers_history_is_answered_like_one_that_is_not_there(api: Api) -> None:
    theirs = api.post("/tasks", {"imageUrl": SOURCE}, caller="they").body["taskId"]

    answer = api.get(f"/tasks/{theirs}/history")

    assert (answer.status, answer.error["code"]) == (404, "TaskNotFound")


def test_a_busy_step_functions_is_reported_as_unavailable(api: Api, states: Stubber) -> None:
    task_id = running(api)
    states.add_client_error("get_execution_history", "ThrottlingException")

    answer = api.get(f"/tasks/{task_id}/history")

    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")


def test_an_execution_of_the_workflow_type_before_is_not_asked_for(
    api: Api,
    states: Stubber,  # noqa: ARG001
) -> None:
    reported = ask(api, running(api, EXPRESS))

    assert reported["missing"]["code"] == "OtherMachine"
    assert reported["execution"]["arn"] == EXPRESS
