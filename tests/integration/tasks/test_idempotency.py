"""Repeated requests, retries and cancels: they all act on the same one task."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.cloud.stacks import Stack, error_of, until
from tests.support.fakes.sources import FILES, Sources


def test_fifty_parallel_posts_with_one_key_make_one_task_and_one_execution(
    standard: Stack, sources: Sources
):
    body = {"imageUrl": sources.url("/flaky/0/fifty")}

    def post(_: int) -> httpx.Response:
        return standard.http.post("/tasks", json=body, headers={"Idempotency-Key": "fifty"})

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(50)))

    assert {answer.status_code for answer in answers} == {202}
    [task_id] = {answer.json()["taskId"] for answer in answers}
    first = [a for a in answers if "Idempotent-Replayed" not in a.headers]
    assert len(first) == 1
    assert standard.ended(task_id)["status"] == "COMPLETED"
    until(lambda: standard.depth("TaskQueueUrl") == 0, 20, "the queue is empty")
    assert sources.requests["/flaky/0/fifty"] == 1
    assert [e["name"] for e in standard.executions()].count(f"{task_id}-1") == 1


def test_the_same_key_with_another_body_is_refused(standard: Stack, sources: Sources):
    headers = {"Idempotency-Key": "other body"[:5]}
    standard.http.post("/tasks", json={"imageUrl": sources.url("/colour.png")}, headers=headers)
    answer = standard.http.post(
        "/tasks", json={"imageUrl": sources.url("/colour.jpg")}, headers=headers
    )
    assert error_of(answer, 409)["code"] == "IdempotencyConflict"


def test_an_invalid_key_is_refused(standard: Stack, sources: Sources):
    answer = standard.http.post(
        "/tasks",
        json={"imageUrl": sources.url("/colour.png")},
        headers={"Idempotency-Key": "has a space"},
    )
    assert error_of(answer, 400)["field"] == "Idempotency-Key"


def test_a_failed_task_is_tried_again_as_its_next_attempt(stack: Stack, sources: Sources):
    path = f"/mended/{stack.workflow_type}"
    task = stack.ended(stack.submit(sources.url(path))["taskId"])
    assert task["failure"]["error"] == "SourceNotFound"
    assert task["links"]["retry"].endswith(f"/v1/tasks/{task['taskId']}/retry")
    sources.files[path] = FILES["/colour.png"]

    answer = stack.http.post(stack.url(task["links"]["retry"]))
    again = stack.ended(task["taskId"])

    assert answer.status_code == 202
    fresh = answer.json()
    assert (fresh["status"], fresh["attempt"], fresh["failure"]) == ("PENDING", 2, None)
    assert (again["status"], again["attempt"]) == ("COMPLETED", 2)
    assert again["failure"] is None
    assert again["createdAt"] == task["createdAt"]
    assert f"{task['taskId']}-2" in again["execution"]["arn"]


def test_a_completed_task_is_neither_tried_again_nor_cancelled(standard: Stack, sources: Sources):
    task = standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])
    assert task["links"]["retry"] is task["links"]["cancel"] is None

    for action, code in (("retry", "NotRetryable"), ("cancel", "NotCancellable")):
        answer = standard.http.post(f"/tasks/{task['taskId']}/{action}")
        assert error_of(answer, 409)["code"] == code
    assert standard.task(task["taskId"])["completedAt"] == task["completedAt"]


def test_a_running_task_is_cancelled_at_once_and_stays_cancelled(stack: Stack, sources: Sources):
    path = f"/held/cancel-{stack.workflow_type}"
    task_id = stack.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")

    answer = stack.http.post(f"/tasks/{task_id}/cancel")
    sources.held[path].set()
    task = stack.task(task_id)
    stack.execution(task)

    assert answer.status_code == 202
    assert (answer.json()["status"], task["status"]) == ("CANCELLED", "CANCELLED")
    assert task["completedAt"]
    assert stack.task(task_id) == task  # whatever the execution did after it
    if stack.workflow_type == "STANDARD":
        assert stack.execution(task)["status"] == "ABORTED"


def test_a_cancelled_task_can_be_tried_again(standard: Stack, sources: Sources):
    path = "/held/again"
    task_id = standard.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")
    standard.http.post(f"/tasks/{task_id}/cancel")
    sources.held[path].set()

    standard.http.post(f"/tasks/{task_id}/retry")

    task = standard.ended(task_id)
    assert (task["status"], task["attempt"]) == ("COMPLETED", 2)


def test_another_callers_task_can_be_neither_tried_again_nor_cancelled(
    standard: Stack, sources: Sources, another_key: str
):
    task = standard.ended(standard.submit(sources.url("/status/404/other"))["taskId"])
    for action in ("retry", "cancel"):
        answer = standard.http.post(
            f"/tasks/{task['taskId']}/{action}", headers={"x-api-key": another_key}
        )
        assert error_of(answer, 404)
    assert standard.task(task["taskId"])["attempt"] == 1


def test_two_callers_may_use_the_same_idempotency_key(
    standard: Stack, sources: Sources, another_key: str
):
    body, key = {"imageUrl": sources.url("/colour.png")}, {"Idempotency-Key": "shared"}
    mine = standard.http.post("/tasks", json=body, headers=key)
    theirs = standard.http.post("/tasks", json=body, headers={**key, "x-api-key": another_key})
    assert mine.json()["taskId"] != theirs.json()["taskId"]
