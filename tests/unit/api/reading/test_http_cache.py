"""Responses to clients that poll: 304 without a change, and when to try again."""

import datetime

import pytest

from darkroom.runtime.clock import timestamp
from tests.support.api_caller import Answer, Api
from tests.support.fakes.aws import STARTED

RESULT = {
    "key": "results/1.jpg", "contentType": "image/jpeg", "width": 4, "height": 3, "bytes": 9,
    "sha256": "9f",
}  # fmt: skip


def submit(api: Api) -> str:
    task_id: str = api.post("/tasks", {"imageUrl": "https://example.com/a.jpg"}).body["taskId"]
    return task_id


def ask(api: Api, path: str, version: str) -> Answer:
    return api.call("GET", path, headers={"if-none-match": version})


@pytest.mark.parametrize("path", ["/tasks", "/tasks/{}"])
def test_an_answer_that_the_client_has_is_not_sent_again(api: Api, path: str) -> None:
    path = path.format(submit(api))
    version = api.get(path).headers["ETag"]

    for known in (version, version.removeprefix("W/"), f'"other", {version}', "*"):
        answer = ask(api, path, known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, None, version)
    for other in ('W/"other"', "", version[:-2]):
        assert ask(api, path, other).status == 200


@pytest.mark.parametrize("path", ["/tasks", "/tasks/{}"])
@pytest.mark.usefixtures("moments")
def test_every_change_of_a_task_is_a_new_version(api: Api, path: str) -> None:
    task_id = submit(api)
    path = path.format(task_id)
    versions = [api.get(path).headers["ETag"]]
    for change in (
        lambda: api.aws.store.start(task_id, 1, "arn:e", STARTED),
        lambda: api.aws.store.fail(task_id, 1, "arn:e", {"step": "Download"}),
        lambda: api.post(f"/tasks/{task_id}/retry"),
        lambda: api.post(f"/tasks/{task_id}/cancel"),
    ):
        change()
        assert ask(api, path, versions[-1]).status == 200
        versions.append(api.get(path).headers["ETag"])
    assert len(set(versions)) == len(versions)


def test_a_new_task_and_another_page_are_new_versions_of_a_list(api: Api) -> None:
    submit(api)
    one = api.get("/tasks").headers["ETag"]
    submit(api)
    assert (
        len({one, api.get("/tasks").headers["ETag"], api.get("/tasks", limit="1").headers["ETag"]})
        == 3
    )


def test_a_link_that_expires_is_not_called_current(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = submit(api)
    api.aws.store.start(task_id, 1, "arn:e", STARTED)
    api.aws.store.complete(task_id, 1, "arn:e", RESULT)
    answer = api.get(f"/tasks/{task_id}")
    ends = datetime.datetime.fromisoformat(answer.body["result"]["expiresAt"]).timestamp()

    monkeypatch.setattr("chalicelib.http_cache.time.time", lambda: ends - 60)

    assert ask(api, f"/tasks/{task_id}", answer.headers["ETag"]).status == 200


@pytest.mark.parametrize(
    ("age", "pause"), [(0, "1"), (3, "1"), (5, "1"), (9, "2"), (41, "10"), (3600, "30"), (-60, "1")]
)
def test_the_older_a_task_the_longer_the_polling_interval(
    api: Api, monkeypatch: pytest.MonkeyPatch, age: int, pause: str
) -> None:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    monkeypatch.setattr("darkroom.tasks.store.timestamp", lambda: timestamp(then))
    path = f"/tasks/{submit(api)}"

    assert api.get(path).headers["Retry-After"] == pause
    assert ask(api, path, api.get(path).headers["ETag"]).headers["Retry-After"] == pause


def test_an_ended_task_has_no_retry_after(api: Api) -> None:
    ended, young = submit(api), submit(api)
    api.post(f"/tasks/{ended}/cancel")

    assert "Retry-After" not in api.get(f"/tasks/{ended}").headers
    assert api.get("/tasks").headers["Retry-After"] == "1"
    api.post(f"/tasks/{young}/cancel")
    assert "Retry-After" not in api.get("/tasks").headers


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure that no two writes are in the same millisecond."""
    moments = iter(f"2026-11-25T00:00:{n:02}.000Z" for n in range(60))
    monkeypatch.setattr("darkroom.tasks.store.timestamp", lambda: next(moments))
