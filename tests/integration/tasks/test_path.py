"""A task from its submission to its result: over HTTP, with the real template and state machine."""

import base64
import datetime
import hashlib
import io
import json
import uuid
from urllib.parse import urljoin

import httpx
import numpy as np
import pytest
from PIL import Image

from darkroom.runtime.clock import timestamp
from tests.support.cloud.stacks import ORDER, Stack, until
from tests.support.fakes.sources import FILES, PICTURE, Sources, luma


def result_of(task: dict) -> tuple[bytes, Image.Image]:
    data = httpx.get(task["result"]["url"]).raise_for_status().content
    return data, Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/colour.jpg", "image/jpeg"),
        ("/colour.png", "image/png"),
        ("/colour.webp", "image/webp"),
        ("/phone.jpg", "image/jpeg"),
    ],
)
def test_a_picture_comes_back_gray_upright_and_of_the_same_size(
    stack: Stack, sources: Sources, path: str, content_type: str
):
    task = stack.ended(stack.submit(sources.url(path))["taskId"])

    assert task["status"] == "COMPLETED", task["failure"]
    data, gray = result_of(task)
    assert gray.size == PICTURE.size
    assert np.abs(luma(gray) - luma(PICTURE)).mean() < 1
    assert gray.mode == ("RGB" if content_type == "image/webp" else "L")  # WebP has no gray mode
    result = task["result"]
    assert (result["contentType"], result["bytes"]) == (content_type, len(data))
    assert (result["width"], result["height"]) == PICTURE.size
    assert result["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_answer_names_the_place_where_the_states_pass_in_their_order(
    stack: Stack, sources: Sources
):
    path = f"/held/{stack.workflow_type}"
    answer = stack.http.post("/tasks", json={"imageUrl": sources.url(path)})
    place = urljoin(str(answer.url), answer.headers["Location"])
    seen = [answer.json()["status"]]

    def reached(*statuses: str) -> bool:
        seen.append(stack.http.get(place).json()["status"])
        return seen[-1] in statuses

    until(lambda: reached("RUNNING"), 30, "the task runs")
    sources.held[path].set()
    until(lambda: reached("COMPLETED", "FAILED"), 30, "the task ends")

    assert answer.status_code == 202
    assert place == stack.url(f"tasks/{answer.json()['taskId']}")
    assert seen == sorted(seen, key=ORDER.index)
    assert list(dict.fromkeys(seen)) == ORDER


def test_the_times_of_a_task_are_in_order_and_its_execution_is_named(
    stack: Stack, sources: Sources
):
    task = stack.ended(stack.submit(sources.url("/colour.png"), name="mine")["taskId"])

    assert task["createdAt"] <= task["startedAt"] <= task["completedAt"]
    assert task["name"] == "mine"
    assert f"{task['taskId']}-1" in task["execution"]["arn"]
    began = stack.execution(task)["startDate"]
    assert task["startedAt"] == timestamp(began.astimezone(datetime.UTC))
    # The local cloud has no console. The page of the task takes its place.
    page = f"{stack.description['apiUrl']}/#/tasks/{task['taskId']}"
    assert task["execution"]["consoleUrl"] == page


def test_a_data_url_is_converted_and_not_returned(stack: Stack):
    url = "data:image/png;base64," + base64.b64encode(FILES["/colour.png"]).decode()
    task = stack.ended(stack.submit(url)["taskId"])

    assert task["status"] == "COMPLETED", task["failure"]
    assert result_of(task)[1].size == PICTURE.size
    assert task["source"] == {"imageUrl": "data:image/png;base64,…"}


def test_the_output_can_be_another_format(standard: Stack, sources: Sources):
    task = standard.submit(sources.url("/colour.png"), output={"format": "jpeg", "quality": 50})
    task = standard.ended(task["taskId"])

    assert task["result"]["contentType"] == "image/jpeg"
    assert result_of(task)[1].format == "JPEG"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Part 1/2", 'inline; filename="Part 1_2.avif"'),
        ("Größe.PNG", "inline; filename=\"Gro_e.avif\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.avif"),
        (None, 'inline; filename="colour.avif"'),
    ],
)
def test_a_result_is_downloaded_under_the_name_of_its_task_or_its_source(
    standard: Stack, sources: Sources, name: str | None, header: str
):
    more = {"name": name} if name else {}
    task = standard.submit(sources.url("/colour.png"), output={"format": "avif"}, **more)

    result = standard.ended(task["taskId"])["result"]

    answer = httpx.get(result["url"]).raise_for_status()
    assert answer.headers["content-disposition"] == header
    assert answer.headers["content-type"] == result["contentType"] == "image/avif"
    assert Image.open(io.BytesIO(answer.content)).format == "AVIF"


FAILURES = [
    ("/status/404", "Download", "SourceNotFound", "answered 404"),
    ("/status/403", "Download", "SourceForbidden", "answered 403"),
    ("/empty.jpg", "Grayscale", "InvalidImage", "empty"),
    ("/text.jpg", "Grayscale", "UnsupportedFormat", "not an image"),
    ("/truncated.jpg", "Grayscale", "InvalidImage", "truncated"),
    ("/status/500", "Download", "SourceUnavailable", "answered 500"),
    ("http://127.0.0.1:9/a.jpg", "Download", "SourceUnavailable", "refused"),
    ("http://no-such-host.invalid/a.jpg", "Download", "SourceUnavailable", "does not resolve"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=[failure[0] for failure in FAILURES])
def test_a_failure_says_where_and_why_in_the_record_and_in_the_execution(
    stack: Stack, sources: Sources, failure: tuple[str, str, str, str]
):
    source, step, error, words = failure
    url = sources.url(source) if source.startswith("/") else source
    task = stack.ended(stack.submit(url)["taskId"])

    assert task["status"] == "FAILED"
    assert (task["failure"]["step"], task["failure"]["error"]) == (step, error)
    assert words in task["failure"]["message"]
    assert task["result"] is None
    execution = stack.execution(task)
    assert execution["status"] == "FAILED"
    assert (execution["error"], execution["cause"]) == (error, task["failure"]["message"])


def test_a_source_that_is_down_for_a_moment_is_tried_again(standard: Stack, sources: Sources):
    task = standard.ended(standard.submit(sources.url("/flaky/2/again"))["taskId"])

    assert task["status"] == "COMPLETED", task["failure"]
    assert sources.requests["/flaky/2/again"] == 3
    events = standard.states.get_execution_history(executionArn=task["execution"]["arn"])["events"]
    failed = [e["taskFailedEventDetails"]["error"] for e in events if e["type"] == "TaskFailed"]
    assert failed == ["SourceUnavailable", "SourceUnavailable"]


def test_a_final_error_is_not_tried_again(stack: Stack, sources: Sources):
    path = f"/status/404/{stack.workflow_type}"
    stack.ended(stack.submit(sources.url(path))["taskId"])

    assert sources.requests[path] == 1


def test_a_task_whose_execution_is_started_twice_is_processed_once(stack: Stack, sources: Sources):
    """Started by hand, with another name: it changes nothing and reports that."""
    path = f"/flaky/0/{stack.workflow_type}"
    task = stack.ended(stack.submit(sources.url(path))["taskId"])
    order = {key: task[key] for key in ("taskId", "attempt", "source", "output")}
    second = stack.states.start_execution(
        stateMachineArn=stack.outputs["StateMachineArn"],
        name=f"{task['taskId']}-second",
        input=json.dumps(order),
    )
    by_hand = stack.execution({"execution": {"arn": second["executionArn"]}})

    assert (by_hand["status"], by_hand["error"]) == ("FAILED", "StaleAttempt")
    assert stack.task(task["taskId"])["completedAt"] == task["completedAt"]
    assert stack.task(task["taskId"])["execution"] == task["execution"]
    assert sources.requests[path] == 1


def test_two_executions_at_the_same_time_process_a_task_once(stack: Stack, sources: Sources):
    """The message arrives three times while the first execution runs."""
    path = f"/flaky/1/twice-{stack.workflow_type}"
    task = stack.submit(sources.url(path))
    order = {key: task[key] for key in ("taskId", "attempt", "source", "output")}
    for _ in range(2):
        stack.sqs.send_message(
            QueueUrl=stack.outputs["TaskQueueUrl"], MessageBody=json.dumps(order)
        )
    task = stack.ended(task["taskId"])
    until(lambda: stack.depth("TaskQueueUrl") == 0, 20, "the queue is empty")

    assert task["status"] == "COMPLETED", task["failure"]
    assert sources.requests[path] == 2  # the 503 and its retry, by one execution


def test_a_message_without_a_task_becomes_a_dead_letter_at_once(standard: Stack):
    sqs, queue = standard.sqs, standard.outputs["DeadLetterQueueUrl"]
    body = json.dumps({"no": f"task {uuid.uuid4()}"})
    sqs.send_message(QueueUrl=standard.outputs["TaskQueueUrl"], MessageBody=body)

    def receive() -> dict | None:
        found = sqs.receive_message(
            QueueUrl=queue, MessageAttributeNames=["All"], VisibilityTimeout=1
        ).get("Messages", [])
        return next((each for each in found if each["Body"] == body), None)

    message = until(receive, 15, "the dead letter arrives")  # five tries would take minutes
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert "taskId of the message is missing" in reason
    # It is deleted from its queue a moment after it was sent to the other one.
    until(lambda: standard.depth("TaskQueueUrl") == 0, 15, "it is not in its queue any more")
