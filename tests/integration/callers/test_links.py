"""Every reference in an answer, resolved against the URL of its request, reaches its route."""

from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources

METHODS = {"self": "GET", "tasks": "GET", "retry": "POST", "cancel": "POST"}


def follow(stack: Stack, answer: httpx.Response, reference: str, method: str = "GET") -> Any:
    """The answer at a reference. An error of API Gateway itself would have another code."""
    found = stack.http.request(method, urljoin(str(answer.url), reference))
    if method == "GET":
        assert found.status_code == 200, found.text
    else:
        code = found.json().get("error", {}).get("code")
        assert found.status_code == 202 or code in {"NotRetryable", "NotCancellable"}, found.text
    return found


def check(stack: Stack, answer: httpx.Response, shown: dict[str, Any], key: str) -> None:
    """Follow all links of a task or a batch in a response."""
    for name, link in shown["links"].items():
        if link:
            found = follow(stack, answer, link, METHODS[name])
            assert name == "tasks" or found.json().get(key, shown[key]) == shown[key]
    assert follow(stack, answer, shown["links"]["self"]).json()[key] == shown[key]


@pytest.mark.parametrize("route", ["submit", "show", "list", "cancel", "retry"])
def test_links_of_a_task_reach_it_from_each_route(standard: Stack, sources: Sources, route: str):
    source = "/held/links" if route in {"cancel", "retry"} else "/missing"
    taken = standard.http.post("/tasks", json={"imageUrl": sources.url(source)})
    path = f"/tasks/{taken.json()['taskId']}"
    if route in {"cancel", "retry"}:
        answer = standard.http.post(f"{path}/cancel")
        if route == "retry":
            answer = standard.http.post(f"{path}/retry")
    else:
        answer = {
            "submit": lambda: taken,
            "show": lambda: standard.http.get(path),
            "list": lambda: standard.http.get("/tasks", params={"limit": 1}),
        }[route]()

    sources.held[source].set()
    reported = answer.json()
    check(standard, answer, reported["tasks"][0] if route == "list" else reported, "taskId")
    if answer.status_code == 202:
        place = follow(standard, answer, answer.headers["Location"])
        assert place.json()["taskId"] == reported["taskId"]


@pytest.mark.parametrize("route", ["submit", "show", "cancel", "retry"])
def test_links_of_a_batch_reach_it_from_each_route(standard: Stack, sources: Sources, route: str):
    answer = standard.http.post(
        "/batches", json={"sources": [{"imageUrl": sources.url("/missing")}]}
    )
    path = f"/batches/{answer.json()['batchId']}"
    if route == "show":
        answer = standard.http.get(path)
    elif route in {"cancel", "retry"}:
        answer = standard.http.post(f"{path}/cancel")
        if route == "retry":
            answer = standard.http.post(f"{path}/retry")

    check(standard, answer, answer.json(), "batchId")
    if answer.status_code == 202:
        place = follow(standard, answer, answer.headers["Location"])
        assert place.json()["batchId"] == answer.json()["batchId"]


def test_links_of_the_tasks_of_a_batch_reach_them(standard: Stack, sources: Sources):
    body = {"sources": [{"imageUrl": sources.url("/colour.png")}]}
    batch = standard.http.post("/batches", json=body).json()

    def listed() -> httpx.Response | None:
        answer = standard.http.get(f"/batches/{batch['batchId']}/tasks")
        return answer if answer.json()["tasks"] else None

    answer = until(listed, 30, "the batch has a task")

    check(standard, answer, answer.json()["tasks"][0], "taskId")
