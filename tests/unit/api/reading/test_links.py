"""Links resolve against the URL of the request that they answer (RFC 3986, 5.2)."""

import uuid
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.support.api_caller import Answer, Api

URL = "https://example.com/a.jpg"
ROOTS = {
    "the API's own host": "/v1",
    "a domain with a base path": "/images",
    "a base path of several parts": "/images/v2",
    "a domain without one": "",
    "the local cloud": "/_aws/execute-api/abcd1234/v1",
}


@pytest.fixture(params=ROOTS)
def root(request: pytest.FixtureRequest) -> str:
    return ROOTS[request.param]


@pytest.fixture(autouse=True)
def _no_machine(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("start", "stop"):
        monkeypatch.setattr(type(api.module.views.batch_machine), name, lambda *_: None)


def links(answered: dict[str, Any]) -> list[tuple[str, str]]:
    """The method and the reference of each link that is not null."""
    methods = {"self": "GET", "tasks": "GET", "retry": "POST", "cancel": "POST"}
    return [(methods[name], link) for name, link in answered["links"].items() if link]


def follow(api: Api, root: str, request: str, method: str, link: str) -> Answer:
    """Send the request of a client that resolves a link in a response."""
    path = urlsplit(urljoin(f"https://host{root}{request}", link)).path
    assert path.startswith(f"{root}/")
    return api.call(method, path, root=root)


def ask(api: Api, root: str, method: str, path: str, body: str | None = None) -> Answer:
    answer = api.call(method, path, body, root=root)
    assert answer.status in {200, 202}, answer.body
    return answer


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("last", ["", "retry", "cancel"])
def test_links_of_a_task_lead_to_it_from_every_route_that_answers_one(
    api: Api, root: str, last: str, slash: str
):
    task_id = ask(api, root, "POST", "/tasks", f'{{"imageUrl": "{URL}"}}').body["taskId"]
    path = f"/tasks/{task_id}"
    if last == "retry":
        ask(api, root, "POST", f"{path}/cancel")
    request = path + (f"/{last}" if last else "")

    answer = api.call(
        "POST" if last else "GET",
        request + slash,
        root=root,
        resource="/tasks/{taskId}" + (f"/{last}" if last else ""),
        parameters={"taskId": task_id},
    )

    shown = follow(api, root, request + slash, "GET", answer.body["links"]["self"])
    assert shown.body == answer.body
    if last:
        place = answer.headers["Location"]
        assert follow(api, root, request + slash, "GET", place).body["taskId"] == task_id
    for method, link in links(answer.body)[1:]:
        assert follow(api, root, request + slash, method, link).body["taskId"] == task_id


def test_links_of_a_new_task_and_of_a_list_lead_to_their_tasks(api: Api, root: str):
    taken = ask(api, root, "POST", "/tasks", f'{{"imageUrl": "{URL}"}}')
    listed = ask(api, root, "GET", "/tasks").body["tasks"]

    assert listed == [taken.body]
    assert taken.headers["Location"] == taken.body["links"]["self"]
    for method, link in links(taken.body):
        assert follow(api, root, "/tasks", method, link).status in {200, 202}


def test_links_of_a_batch_lead_to_it_from_every_route_that_answers_one(api: Api, root: str):
    made = ask(api, root, "POST", "/batches", f'{{"sources": [{{"imageUrl": "{URL}"}}]}}')
    batch_id = made.body["batchId"]
    place = {"batchId": batch_id, "batchIndex": 0}
    source = {"source": {"imageUrl": URL}, "output": {"format": "auto", "quality": 90}}
    task_id = str(uuid.uuid5(uuid.UUID(batch_id), "0"))
    api.aws.store.create(task_id, "me", source | place)
    path = f"/batches/{batch_id}"

    answers = {
        "/batches": made,
        path: ask(api, root, "GET", path),
        f"{path}/cancel": ask(api, root, "POST", f"{path}/cancel"),
        f"{path}/retry": ask(api, root, "POST", f"{path}/retry"),
    }

    for request, answer in answers.items():
        for reference in (answer.body["links"]["self"], answer.headers.get("Location")):
            if reference:
                shown = follow(api, root, request, "GET", reference)
                assert shown.body["batchId"] == batch_id
        [task] = follow(api, root, request, "GET", answer.body["links"]["tasks"]).body["tasks"]
        shown = follow(api, root, f"{path}/tasks", "GET", task["links"]["self"])
        assert shown.body["taskId"] == task_id
        for method, link in links(answer.body)[2:]:
            # A link of an earlier response may be out of date, but still reaches its route.
            assert follow(api, root, request, method, link).status in {202, 409}
