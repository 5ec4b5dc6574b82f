"""A caller on a stack is added, used and limited, its key is rotated under load and revoked."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from darkroom.cli.main import app
from darkroom.cli.stack import from_description
from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, error_of, until
from tests.support.fakes.receivers import Receiver
from tests.support.fakes.sources import FILES, Sources
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy, describe

ROUNDS = 3
"""Rounds of requests with the new key, before and after the old one is revoked."""
Operator = Callable[[str], str]


@pytest.fixture
def operator(standard: Stack, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Runs `darkroom callers …` for the stack and returns what it printed on stdout."""
    monkeypatch.setattr(
        "darkroom.cli.stack.find", lambda *_: from_description(standard.description)
    )

    def run(line: str) -> str:
        done = CliRunner().invoke(app, ["callers", *line.split()])
        assert done.exit_code == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def name() -> str:
    return f"acme-{uuid.uuid4().hex[:8]}"


@contextmanager
def with_key(stack: Stack, key: str) -> Iterator[Stack]:
    """A client of the stack with this key, as soon as API Gateway accepts the key."""
    with Stack(stack.cloud, {**stack.description, "apiKey": key}) as own:
        until(lambda: own.http.get("/tasks").status_code != HTTPStatus.FORBIDDEN, 60, "accepted")
        yield own


@dataclass
class Load:
    """Requests of several threads: the responses, and the tasks that were accepted."""

    url: str
    callback: str
    answers: list[tuple[str, int]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def round(self, client: httpx.Client) -> None:
        """Submit a task, repeat the request, and read the task, the list and the secret."""
        body = {"imageUrl": self.url, "callbackUrl": self.callback}
        sent = {"json": body, "headers": {"Idempotency-Key": uuid.uuid4().hex}}
        first, again = (self._send(client, "POST", "/tasks", **sent) for _ in range(2))
        assert first.json()["taskId"] == again.json()["taskId"]
        self.tasks.append(first.json()["taskId"])
        for _ in range(4):
            self._send(client, "GET", f"/tasks/{first.json()['taskId']}")
            self._send(client, "GET", "/tasks?limit=5")
        self.secrets.add(self._send(client, "GET", "/callback-secret").json()["secret"])

    def _send(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        answer = client.request(method, path, **more)
        self.answers.append((f"{method} {path}", answer.status_code))
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer


def test_a_key_is_rotated_under_load_and_nothing_fails_or_is_lost(
    standard: Stack, sources: Sources, operator: Operator, name: str, another_key: str
):
    old_is_out = threading.Event()

    def with_old(client: httpx.Client) -> None:
        while not old_is_out.is_set():
            load.round(client)

    def with_new(client: httpx.Client) -> None:
        for _ in range(ROUNDS):
            load.round(client)

    with (
        ThreadPoolExecutor(2) as pool,
        with_key(standard, operator(f"add {name}")) as old,
        closing(Receiver(old.http.get("/callback-secret").json()["secret"])) as receiver,
    ):
        load = Load(sources.url("/colour.jpg"), receiver.url("/ok"))
        upload = Batches(old).upload(FILES["/colour.png"], "image/png")
        batch = Batches(old).submit([sources.url("/colour.jpg")])
        earlier = pool.submit(with_old, old.http)
        until(lambda: load.tasks, 60, "the old key is in use")
        with with_key(standard, operator(f"rotate {name}")) as new:
            pool.submit(with_new, new.http).result()  # both keys at once
            old_is_out.set()
            earlier.result()
            later = pool.submit(with_new, new.http)
            (old_id, _) = key_ids(operator, name)
            operator(f"revoke {name} --key {old_id} --yes")
            later.result()

            def refused() -> bool:
                return old.http.get("/tasks").status_code == HTTPStatus.FORBIDDEN

            until(refused, 90, "the old key is refused")
            assert error_of(old.http.post("/tasks", json={}), 403)["code"] == "Forbidden"
            ended = new.all_ended(load.tasks, 120)
            assert [t["failure"] for t in ended.values() if t["status"] != "COMPLETED"] == []
            assert len(load.secrets) == 1
            assert Batches(new).ended(batch)["counts"]["COMPLETED"] == 1
            assert new.http.post("/callback-secret/rotate").is_success
            last = {"uploadId": upload, "callbackUrl": load.callback}
            with_upload = new.http.post("/tasks", json=last).json()["taskId"]
            assert new.ended(with_upload)["status"] == "COMPLETED"
            all_tasks = {*load.tasks, with_upload}
            until(lambda: webhooks(receiver) == all_tasks, 60, "all webhooks are verified")
            nothing_for_another(standard, another_key, load.tasks[:2], batch, upload)
    assert len(load.tasks) > 2 * ROUNDS
    assert {status for _, status in load.answers} == {HTTPStatus.OK, HTTPStatus.ACCEPTED}


def webhooks(receiver: Receiver) -> set[Any]:
    """The ids of the tasks of which a webhook was verified."""
    return {event["data"]["taskId"] for event in [*receiver.received["/ok"]]}


def key_ids(operator: Operator, name: str) -> list[str]:
    rows = [line.split() for line in operator("list").splitlines()]
    return [row[2] for row in rows if row[0] == name]


def nothing_for_another(
    standard: Stack, key: str, tasks: list[str], batch: dict[str, Any], upload: str
) -> None:
    """Another caller finds nothing, and an upload with this id does not exist for it."""
    with with_key(standard, key) as other:
        paths = [f"/tasks/{task_id}" for task_id in tasks]
        paths += [f"/batches/{batch['batchId']}", f"/batches/{batch['batchId']}/tasks"]
        assert {other.http.get(path).status_code for path in paths} == {404}
        for path in [f"/tasks/{tasks[0]}", f"/batches/{batch['batchId']}"]:
            assert {other.http.post(f"{path}/{a}").status_code for a in ("cancel", "retry")} == {
                404
            }
        assert not set(tasks) & {task["taskId"] for task in other.tasks()}
        stolen = other.http.post("/tasks", json={"uploadId": upload}).json()
        assert other.ended(stolen["taskId"])["failure"]["error"] == "SourceNotFound"


def test_a_key_with_a_grace_is_refused_by_the_function_when_it_is_over(
    standard: Stack, operator: Operator, name: str
):
    """A key of API Gateway does not expire."""
    old = operator(f"add {name}")
    new = operator(f"rotate {name} --grace 1s")

    def status(key: str) -> int:
        return standard.http.get("/tasks", headers={"x-api-key": key}).status_code

    until(lambda: status(old) == HTTPStatus.FORBIDDEN, 30, "the grace period is over")
    assert status(new) == HTTPStatus.OK
    (old_id, _) = key_ids(operator, name)
    gateway = standard.cloud.client("apigateway")
    assert gateway.get_api_key(apiKey=old_id)["enabled"]
    operator(f"revoke {name} --yes")
    assert status(new) == HTTPStatus.FORBIDDEN


def test_the_limits_of_a_caller_hold_for_its_keys_and_for_no_other(
    standard: Stack, operator: Operator, name: str
):
    key = operator(f"add {name} --rate 0.01 --burst 3")

    def statuses(of: str, count: int) -> list[int]:
        headers = {"x-api-key": of}
        return [
            standard.http.get("/tasks", headers=headers, params={"limit": 1}).status_code
            for _ in range(count)
        ]

    assert statuses(key, 5) == [200] * 3 + [429] * 2
    assert statuses(operator(f"rotate {name}"), 5) == [200] * 3 + [429] * 2
    assert statuses(standard.description["apiKey"], 5) == [200] * 5
    operator(f"limit {name} --rate 100 --burst 1")
    operator(f"limit {name} --quota 1 --rate 100 --burst 100")
    last = standard.http.get("/tasks", headers={"x-api-key": key})
    assert (last.status_code, last.json()["error"]["code"]) == (429, "QuotaExceeded")
    operator(f"limit {name} --default")
    assert statuses(key, 5) == [200] * 5
    operator(f"revoke {name} --yes")


def test_the_first_key_can_be_replaced_and_the_operators_commands_go_on(
    cloud: LocalCloud, sources: Sources, monkeypatch: pytest.MonkeyPatch
):
    with Stack(cloud, deploy(cloud, "rotated")) as stack:
        monkeypatch.setattr(
            "darkroom.cli.stack.find", lambda *_: from_description(stack.description)
        )
        task_id = stack.submit(sources.url("/colour.jpg"))["taskId"]
        first = stack.outputs["ApiKeyId"]
        for line in ("rotate first", f"revoke first --key {first} --yes"):
            assert CliRunner().invoke(app, ["callers", *line.split()]).exit_code == 0
        refused = stack.http.get(f"/tasks/{task_id}")
        assert error_of(refused, 403)["code"] == "Forbidden"

        with Stack(cloud, describe(cloud, "rotated")) as again:  # as `make up` would write it
            assert again.description["apiKey"] != stack.description["apiKey"]
            assert again.ended(task_id)["status"] == "COMPLETED"
