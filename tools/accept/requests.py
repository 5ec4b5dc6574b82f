"""What the HTTP API promises: keys, forms, links, idempotency, cancel and retry."""

import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import httpx

from darkroom.cli.operator import history
from darkroom.client import ApiError, Task
from tools.accept import pictures
from tools.accept.report import Broken
from tools.accept.sites import Sites
from tools.accept.subject import TASK_SECONDS, Subject, data_url

KEY_SECONDS = 60.0
"""How long API Gateway may refuse a new key: docs/deploy.md, step 3."""
HISTORY_SECONDS = 60.0
"""How long the log of an Express execution may take to arrive."""
FORBIDDEN = 403
CANCELLED = "TaskCancelled"
"""The error with which Darkroom stops an execution."""
LINK_TIME = datetime.timedelta(hours=1)
CLOCK_DIFFERENCE = datetime.timedelta(minutes=1)


def check_key(subject: Subject) -> str:
    """The stack's key is accepted; no key and an unknown key are refused."""
    subject.request("GET", "/health")

    def look() -> tuple[bool | None, object]:
        try:
            subject.request("GET", "/tasks", params={"limit": 1})
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            return None, error
        return True, None

    subject.until("the key of the output ApiKeyId is accepted", KEY_SECONDS, look)
    for what, headers in (("no key", {}), ("an unknown key", {"x-api-key": "nobody"})):
        status = subject.http.get(f"{subject.stack.api_url}/tasks", headers=headers).status_code
        _require(f"403 for {what}", status == FORBIDDEN, status)
    return "accepted; no key and an unknown one are answered 403"


def check_form(subject: Subject) -> str:
    """A presigned form only accepts a file of the given type and size."""
    form = subject.form("image/png")
    changed = {**form, "fields": {**form["fields"], "Content-Type": "text/html"}}
    status = subject.send_form(changed, b"<p>").status_code
    _require("403 from S3 for a changed form", status == FORBIDDEN, status)
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    limits = [c for c in policy["conditions"] if isinstance(c, list) and "range" in c[0]]
    most = int(subject.parameters["MaxSourceBytes"])
    right = [limit[2] for limit in limits] == [most]
    _require(f"a limit of {most} bytes in the form's policy", right, limits)
    response = subject.send_form(form, pictures.picture("PNG"))
    _require("S3 accepts the file", response.is_success, f"{response.status_code} {response.text}")
    return f"S3 takes a file of at most {most} bytes, and refuses a changed form"


def check_links(subject: Subject) -> str:
    """`Location` and `links` lead to the task; the link of a result is signed and expires."""
    response = subject.submit(data_url(pictures.picture("PNG"), "image/png"))
    task: Task = response.json()
    for name, link in (
        ("Location", response.headers.get("Location", "")),
        ("links.self", task["links"]["self"] or ""),
    ):
        url = urljoin(str(response.request.url), link)
        own = subject.stack.api_url
        if not url.startswith(f"{own}/"):
            raise Broken(f"{name} below {own}", url)
        found = subject.request("GET", url.removeprefix(own)).json()
        _require(f"{name} leads to the task", found["taskId"] == task["taskId"], url)
    subject.ended([task])
    return f"Location, links.self; {_check_result_link(subject)}"


def _check_result_link(subject: Subject) -> str:
    first = subject.completed()
    # Read again, because the link may have been signed some minutes ago.
    result = subject.client.task(first["taskId"])["result"]
    if result is None:
        raise Broken("a result", "none")
    url, digest = result["url"], result["sha256"]
    data = subject.http.get(url).content
    _require("the bytes with the task's sha256", hashlib.sha256(data).hexdigest() == digest, url)
    expires = datetime.datetime.fromisoformat(result["expiresAt"])
    rest = expires - datetime.datetime.now(datetime.UTC)
    in_time = datetime.timedelta() < rest < LINK_TIME + CLOCK_DIFFERENCE
    _require("a link that is valid for at most one hour", in_time, result["expiresAt"])
    without = url.removesuffix(f"?{urlsplit(url).query}")
    status = subject.http.get(without).status_code
    _require("403 for the result without its signature", status == FORBIDDEN, status)
    return "the result's link is signed and ends within an hour"


def check_idempotency(subject: Subject) -> str:
    """The same key and body is the same task; the same key with another body is refused."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    source = data_url(pictures.picture("PNG"), "image/png")
    first = subject.submit(source, headers=headers)
    again = subject.submit(source, headers=headers)
    same = first.json()["taskId"] == again.json()["taskId"]
    _require("the same task for the same key and body", same, again.text)
    replayed = again.headers.get("Idempotent-Replayed")
    _require("the header Idempotent-Replayed: true", replayed == "true", replayed)
    _refused(
        "IdempotencyConflict",
        lambda: subject.submit(source, headers=headers, output={"format": "jpeg"}),
    )
    subject.ended([first.json()])
    return "the same task again; another body is answered 409"


def check_cancel(subject: Subject, sites: Sites) -> str:
    """A RUNNING task is cancelled at once, its execution is stopped, and it stays CANCELLED."""
    subject.require_not_stuck()
    task_id = subject.task({"imageUrl": sites.address("slow")})["taskId"]

    def look() -> tuple[Task | None, object]:
        task = subject.client.task(task_id)
        return (task if task["status"] == "RUNNING" else None), task["status"]

    running = subject.until("RUNNING", TASK_SECONDS, look)
    status = subject.client.cancel(task_id)["status"]
    _require("CANCELLED", status == "CANCELLED", status)
    _refused("NotCancellable", lambda: subject.request("POST", f"/tasks/{task_id}/cancel"))
    seen = "CANCELLED"
    if not subject.is_express:  # an Express execution cannot be stopped: docs/operate.md
        _check_stopped(subject, running)
        seen += ", its execution is stopped"
    status = subject.client.task(task_id)["status"]
    _require("CANCELLED afterwards", status == "CANCELLED", status)
    return f"{seen}; a second cancel is answered 409"


def _check_stopped(subject: Subject, task: Task) -> None:
    if task["execution"] is None:
        raise Broken("an execution of a RUNNING task", "none")
    arn = task["execution"]["arn"]
    since = datetime.datetime.fromisoformat(task["createdAt"])

    def look() -> tuple[bool | None, object]:
        last = history.read(subject.stack, arn, since)[-1]
        stopped = last.left is not None and last.error == CANCELLED
        return (True if stopped else None), f"{last.state}, {last.error or 'still running'}"

    subject.until("the execution is stopped", HISTORY_SECONDS, look)


def check_retry(subject: Subject) -> str:
    """A FAILED task is COMPLETED in its second attempt, after its source was sent."""
    form = subject.form("image/png")
    (failed,) = subject.ended([subject.task({"uploadId": form["uploadId"]})])
    _require("FAILED without the file", failed["status"] == "FAILED", failed["status"])
    response = subject.send_form(form, pictures.picture("PNG"))
    _require("S3 accepts the file", response.is_success, f"{response.status_code} {response.text}")
    retried = subject.client.retry(failed["taskId"], attempt=1)
    seen = (retried["status"], retried["attempt"])
    _require("PENDING, attempt 2", seen == ("PENDING", 2), seen)
    (task,) = subject.ended([retried])
    done = (task["status"], task["attempt"])
    _require("COMPLETED, attempt 2", done == ("COMPLETED", 2), f"{done} {task['failure']}")
    _refused("NotRetryable", lambda: subject.request("POST", f"/tasks/{task['taskId']}/retry"))
    return "a FAILED task is COMPLETED in attempt 2; a COMPLETED one is answered 409"


def _refused(code: str, send: Callable[[], httpx.Response]) -> None:
    try:
        response = send()
    except ApiError as error:
        if error.code != code:
            raise Broken(code, error) from error
        return
    raise Broken(f"409, {code}", response.status_code)


def _require(expected: str, met: bool, seen: object) -> None:  # noqa: FBT001 - reads as a sentence
    if not met:
        raise Broken(expected, seen)
