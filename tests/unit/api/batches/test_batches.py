"""A batch that was accepted: how it is shown, listed, cancelled and retried."""

import uuid
from typing import Any

import pytest

from darkroom.batches.model import INDEX_DELAY_SECONDS
from tests.support.api_batches import BODY, enter, stored, submit
from tests.support.api_caller import Api
from tests.support.fakes.aws import STARTED

MISSING = str(uuid.UUID(int=9))


@pytest.mark.usefixtures("started")
def test_a_batch_that_ended_before_it_was_read_gets_a_total_when_no_task_can_be_added(api: Api):
    batch = submit(api, s3Prefix="trip/")
    place = batch.body["links"]["self"]
    cancelled = api.aws.batches.end("cancel", stored(api, batch.body))
    waiting = api.get(place)
    api.aws.batches.settle(cancelled)
    settled = api.get(place)

    assert (waiting.body["total"], settled.body["total"]) == (None, 0)
    assert waiting.headers["ETag"] != settled.headers["ETag"]


@pytest.mark.usefixtures("started")
def test_a_batch_is_counted_when_it_is_shown(api: Api):
    batch = submit(api, **BODY).body
    ids = enter(api, batch, 1)
    api.aws.store.start(ids[0], 1, "arn", STARTED)

    answer = api.get(batch["links"]["self"])

    assert answer.body["counts"] == {
        "PENDING": 1,
        "RUNNING": 1,
        "COMPLETED": 0,
        "FAILED": 0,
        "CANCELLED": 0,
    }
    assert int(answer.headers["Retry-After"]) >= 1
    again = api.call(
        "GET", batch["links"]["self"], headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, again.body) == (304, None)


@pytest.mark.usefixtures("started")
def test_its_tasks_are_listed_in_their_order(api: Api):
    batch = submit(api).body
    ids = enter(api, batch, 3)
    api.aws.store.cancel(ids[1], 1)
    place = batch["links"]["tasks"]

    first = api.get(place, limit="2").body
    rest = api.get(place, cursor=first["cursor"]).body

    assert [t["taskId"] for t in first["tasks"] + rest["tasks"]] == ids
    assert [t["taskId"] for t in api.get(place, status="CANCELLED").body["tasks"]] == [ids[1]]
    upper = place.replace(batch["batchId"], batch["batchId"].upper())
    assert len(api.get(upper).body["tasks"]) == 3
    assert api.get(place, cursor="x").error["code"] == "InvalidCursor"
    assert api.get(place, limit="0").error["field"] == "limit"


def test_a_cancel_is_one_write_and_two_calls(api: Api, started: list[Any]):
    batch = submit(api).body

    answer = api.post(batch["links"]["cancel"])

    assert (answer.status, answer.body["status"]) == (202, "CANCELLED")
    assert answer.body["counts"]["CANCELLED"] == 2
    run = f"{batch['batchId']}-1"
    _, stop, cancel = started
    assert stop[1].endswith(run)
    assert cancel[1:] == (
        f"{run}-cancel",
        {"action": "cancel", "batchId": batch["batchId"], "run": 1, "total": 0},
    )
    assert api.post(batch["links"]["cancel"]).error["code"] == "NotCancellable"


def test_a_retry_is_a_new_run(api: Api, started: list[Any]):
    batch = submit(api).body
    assert api.post(f"{batch['links']['self']}/retry").error["code"] == "NotRetryable"
    ended = api.aws.batches.end("complete", stored(api, batch))
    assert ended is not None
    started.clear()

    answer = api.post(f"{batch['links']['self']}/retry")

    assert (answer.status, answer.body["status"]) == (202, "RUNNING")
    [(_, name, order)] = started
    assert name == f"{batch['batchId']}-2"
    assert (order["retry"], order["pause"]) == (True, 0)


def test_a_retry_of_what_is_still_being_cancelled_waits_for_the_index_alone(
    api: Api, started: list[Any]
):
    batch = submit(api).body
    api.post(batch["links"]["cancel"])
    started.clear()

    api.post(f"{batch['links']['self']}/retry")

    stop, start = started
    assert stop[1].endswith("-1-cancel")
    assert start[2]["pause"] == INDEX_DELAY_SECONDS


@pytest.mark.usefixtures("started")
def test_another_callers_batch_is_not_found(api: Api):
    batch = submit(api).body
    for path in (batch["links"]["self"], batch["links"]["tasks"], f"/batches/{MISSING}"):
        answer = api.get(path, caller="you")
        assert (answer.status, answer.error["code"]) == (404, "BatchNotFound")
    for action in ("retry", "cancel"):
        answer = api.post(f"{batch['links']['self']}/{action}", caller="you")
        assert answer.status == 404
    assert stored(api, batch)["status"] == "RUNNING"


@pytest.mark.usefixtures("started")
def test_a_batch_that_has_ended_is_checked_again_until_none_of_its_tasks_is_open(api: Api):
    batch = submit(api).body
    place = batch["links"]["self"]
    task = {"batchId": batch["batchId"], "batchIndex": 0, "source": {}, "output": {}}
    api.aws.store.create(MISSING, "me", task)
    api.post(batch["links"]["cancel"])

    cancelling = api.get(place)
    api.aws.store.cancel(MISSING, 1)
    cancelled = api.get(place)

    assert (cancelling.body["status"], cancelling.body["counts"]["PENDING"]) == ("CANCELLED", 1)
    assert "Retry-After" in cancelling.headers
    assert cancelled.body["counts"]["CANCELLED"] == 2
    assert "Retry-After" not in cancelled.headers
    assert cancelled.headers["ETag"] != cancelling.headers["ETag"]
