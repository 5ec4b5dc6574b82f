"""The history shows what happened in an execution; for EXPRESS it comes from the log."""

from typing import Any

import pytest

from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.project import PROJECT


@pytest.fixture(scope="module")
def shapes() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT / "api")
        from chalicelib.history import responses  # noqa: PLC0415

        return responses


def history(stack: Stack, task_id: str) -> dict[str, Any]:
    answer = stack.http.get(f"/tasks/{task_id}/history")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def whole(stack: Stack, task_id: str) -> dict[str, Any]:
    """The history of a task that has ended, after the end of its execution."""

    def check() -> dict[str, Any] | None:
        found = history(stack, task_id)
        return found if found["status"] not in {None, "RUNNING"} else None

    found: dict[str, Any] = until(check, 30, "the history is complete")
    return found


def outcomes(reported: dict[str, Any]) -> list[tuple[str, str]]:
    return [(state["name"], state["outcome"]) for state in reported["states"]]


def test_a_failure_is_shown_from_its_history(stack: Stack, sources: Sources, shapes: Any):
    # Retries take seconds, so one of the two shows them.
    status, tries = (500, 4) if stack.workflow_type == "STANDARD" else (404, 1)
    url = sources.url(f"/status/{status}/a.jpg?key=secret")
    task = stack.ended(stack.submit(url)["taskId"])

    reported = whole(stack, task["taskId"])

    shapes.TaskHistory.model_validate(reported)
    assert outcomes(reported) == [
        ("MarkRunning", "SUCCEEDED"),
        ("Download", "CAUGHT_ERROR"),
        ("MarkFailed", "SUCCEEDED"),
        ("TaskFailed", "FAILED"),
    ]
    download = reported["states"][1]
    failure = task["failure"]
    assert [each["error"] for each in download["tries"]] == [failure["error"]] * tries
    assert (reported["status"], reported["error"], reported["cause"]) == (
        "FAILED",
        failure["error"],
        failure["message"],
    )
    assert (reported["input"] is None) == (stack.workflow_type == "EXPRESS")
    assert "secret" not in str(reported)
    assert reported["execution"]["arn"] == task["execution"]["arn"]
    assert reported["complete"] is True

    logs = stack.http.get(f"/tasks/{task['taskId']}/logs").json()
    shapes.TaskLogs.model_validate(logs)
    failed = [line for line in logs["lines"] if line["message"] == "failed"]
    assert [line["details"]["error"] for line in failed] == [failure["error"]] * tries
    assert "secret" not in str(logs)


def test_a_running_task_is_shown_with_the_state_that_runs(stack: Stack, sources: Sources):
    path = f"/held/history-{stack.workflow_type}.png"
    task_id = stack.submit(sources.url(path))["taskId"]
    until(lambda: stack.task(task_id)["status"] == "RUNNING", 30, "the task runs")

    def running() -> Any:
        reported = history(stack, task_id)
        return (
            reported["states"][-1]["name"] == "Download" and reported
            if reported["states"]
            else None
        )

    reported = until(running, 30, "the history shows Download")

    assert reported["status"] == "RUNNING"
    assert outcomes(reported) == [("MarkRunning", "SUCCEEDED"), ("Download", "RUNNING")]
    assert reported["states"][-1]["tries"][0]["endedAt"] is None
    sources.held[path].set()
    stack.ended(task_id)
    assert [outcome for _, outcome in outcomes(whole(stack, task_id))] == ["SUCCEEDED"] * 5


def test_another_callers_history_and_logs_are_not_found(
    standard: Stack, sources: Sources, another_key: str
):
    task_id = standard.submit(sources.url("/colour.png"))["taskId"]

    for path in ("history", "logs"):
        address = f"/tasks/{task_id}/{path}"
        assert standard.http.get(address).status_code == 200
        assert standard.http.get(address, headers={"x-api-key": another_key}).status_code == 404
    standard.ended(task_id)
