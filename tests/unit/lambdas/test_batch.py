"""One run of a batch, processed by lambdas/batch.py."""

import json
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches import groups, task_index
from darkroom.batches import runs as batching
from darkroom.batches.manifests import ADVICE
from darkroom.errors import SourceNotFound
from tests.support.fakes.aws import STARTED

BATCH = str(uuid.UUID(int=7))
TASKS = [str(uuid.uuid5(uuid.UUID(BATCH), str(number))) for number in range(6)]
GONE = {"next": "gone"}


@pytest.fixture(autouse=True)
def batch(aws: Any) -> dict[str, Any]:
    """A RUNNING batch of six tasks that have all been ingested."""
    manifest = {"reader": "lines", "key": "k"}
    attributes = {"manifest": manifest, "output": {}, "toleratedFailurePercentage": 20}
    item, _ = aws.batches.create(BATCH, "me", attributes)
    for number, task_id in enumerate(TASKS):
        place = {"batchId": BATCH, "batchIndex": number, "source": {"imageUrl": "u"}, "output": {}}
        aws.store.create(task_id, "me", place)
    return item


@pytest.fixture
def module(aws: Any, load: Callable[[str, str], ModuleType]) -> ModuleType:  # noqa: ARG001
    return load("lambdas", "batch")


@pytest.fixture
def calls(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Executions that were stopped, and orders that were queued."""
    made: list[Any] = []

    def send_many(_: Any, orders: list[Any], groups: list[str]) -> int:
        assert groups == ["me/batch"] * len(orders)
        made.extend((order["taskId"], order["attempt"]) for order in orders)
        return 0

    monkeypatch.setattr(type(module.runner.queue), "send_many", send_many)
    monkeypatch.setattr(type(module.runner.machine), "stop", lambda _, arn, __: made.append(arn))
    return made


@pytest.fixture
def act(module: ModuleType, calls: list[Any]) -> Callable[..., dict[str, Any]]:  # noqa: ARG001
    def ask(action: str, run: int = 1, **more: Any) -> dict[str, Any]:
        event = {"action": action, "batchId": BATCH, "run": run, **more}
        answer: dict[str, Any] = module.handler(event, None)
        return answer

    return ask


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change one task after the other, so that a test knows which one is the next."""
    monkeypatch.setattr(groups, "AT_ONCE", 1)


def end(aws: Any, transition: str, *numbers: int) -> None:
    for number in numbers:
        aws.store.start(TASKS[number], 1, "arn", STARTED)
        if transition == "complete":
            aws.store.complete(TASKS[number], 1, "arn", {"key": "k"})
        else:
            aws.store.fail(TASKS[number], 1, "arn", {"step": "s", "error": "e", "message": "m"})


def status(aws: Any) -> str:
    text: str = aws.batches.get(BATCH)["status"]
    return text


def test_a_batch_is_watched_until_all_has_ended(aws, act):
    assert act("watch", total=6, cursor="") == {"next": "wait"}
    assert aws.batches.get(BATCH)["total"] == 6
    end(aws, "complete", 0, 1, 2, 3, 4)
    end(aws, "fail", 5)
    assert act("watch", total=6, cursor="") == {"next": "done"}
    assert status(aws) == "COMPLETED"
    assert act("watch", total=6, cursor="") == {"next": "done"}  # its answer was lost


def test_a_batch_with_too_many_failures_ends_before_the_rest(aws, act):
    end(aws, "fail", 0, 1)
    first, second = act("watch", total=6, cursor=""), act("watch", total=6, cursor="")
    assert first["next"] == "failed"
    assert first["failure"]["message"] == "2 of 6 tasks FAILED; 20 % are tolerated."
    assert second == first
    assert "active" in aws.batches.get(BATCH)


def test_a_run_that_is_over_is_left_alone(aws, batch, act):
    assert act("watch", run=2, total=6, cursor="") == GONE
    aws.batches.end("cancel", batch)
    assert act("watch", total=6, cursor="") == GONE
    assert act("fail", caught={"Error": "x"}) == GONE
    assert act("retry", cursor="") == {"cursor": ""}
    assert status(aws) == "CANCELLED"


def test_an_error_that_the_machine_caught_is_shown(aws, act):
    caught = {"Error": "States.ItemReaderFailed", "Cause": "There is no such key."}
    failure = {"error": "States.ItemReaderFailed", "message": "There is no such key."}
    assert act("fail", caught=caught) == {"next": "failed", "failure": failure}
    assert aws.batches.get(BATCH)["failure"] == failure


@pytest.mark.usefixtures("one_by_one")
def test_what_is_open_is_cancelled_page_by_page(
    aws, batch, act, calls, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(task_index, "ENTRIES_PER_PAGE", 4)
    end(aws, "complete", 0)
    aws.store.start(TASKS[1], 1, "arn:1", STARTED)
    aws.batches.end("cancel", batch)

    first = act("cancel", cursor="")
    second = act("cancel", cursor=first["cursor"])

    assert (first["open"], second) == (3, {"cursor": "", "open": 2})
    assert aws.counted(BATCH) == {"COMPLETED": 1, "CANCELLED": 5}
    assert calls[0] == "arn:1"
    assert calls[1].endswith(f"{TASKS[2]}-1")
    assert act("cancel", cursor="")["open"] == 0


def test_a_batch_that_runs_again_is_not_cancelled(aws, act):
    assert act("cancel", cursor="") == {"cursor": "", "open": 0}
    assert aws.counted(BATCH) == {"PENDING": 6}


def test_what_failed_or_was_cancelled_is_tried_again_and_nothing_else(aws, batch, act, calls):
    end(aws, "complete", 0, 1)
    end(aws, "fail", 2)
    aws.store.cancel(TASKS[3], 1)
    again = aws.batches.retry(aws.batches.end("cancel", batch), 0)

    assert act("retry", run=2, cursor="") == {"cursor": ""}

    assert calls == [(TASKS[2], 2), (TASKS[3], 2)]
    assert aws.counted(BATCH) == {"COMPLETED": 2, "PENDING": 4}
    assert again["run"] == 2


@pytest.mark.usefixtures("one_by_one")
def test_a_cancel_that_still_runs_does_not_touch_retried_tasks(
    aws, batch, act, calls, monkeypatch: pytest.MonkeyPatch
):
    """A page of the cancel stops an execution; the retry takes place while that call is slow."""
    cancelled: list[str] = []

    def stop_slowly(_: Any, execution: str, __: str) -> None:
        cancelled.append(execution)
        if len(cancelled) == 2:  # two are CANCELLED, four are about to be
            aws.batches.retry(aws.batches.get(BATCH), 0)
            assert act("retry", run=2, cursor="") == {"cursor": ""}

    monkeypatch.setattr(StateMachine, "stop", stop_slowly)
    aws.store.start(TASKS[5], 1, "arn", STARTED)
    aws.batches.end("cancel", batch)

    act("cancel", cursor="")

    assert len(cancelled) == 2
    assert calls == [(TASKS[0], 2), (TASKS[1], 2)]
    assert aws.counted(BATCH) == {"PENDING": 5, "RUNNING": 1}
    assert [aws.store.get(task)["attempt"] for task in TASKS] == [2, 2, 1, 1, 1, 1]


def test_what_is_cancelled_behind_the_back_of_the_index_is_tried_again(
    aws, batch, act, calls, monkeypatch: pytest.MonkeyPatch
):
    """In the index they are still PENDING, and one of them has completed in the meantime."""
    late, _ = aws.batch_tasks.page(BATCH)
    for task in TASKS[:3]:
        aws.store.cancel(task, 1)
    end(aws, "complete", 3)
    aws.batches.retry(aws.batches.end("cancel", batch), 0)
    monkeypatch.setattr(task_index.BatchTaskIndex, "page", lambda *_: (late, None))

    act("retry", run=2, cursor="")

    assert calls == [(task, 2) for task in TASKS[:3]]
    assert aws.counted(BATCH) == {"PENDING": 5, "COMPLETED": 1}


@pytest.mark.parametrize("action", ["cancel", "retry"])
@pytest.mark.usefixtures("one_by_one")
def test_a_page_ends_a_second_after_its_run(
    aws, batch, act, action: str, monkeypatch: pytest.MonkeyPatch
):
    item = aws.batches.end("cancel", batch)
    if action == "retry":
        for task in TASKS:
            aws.store.cancel(task, 1)
        item = aws.batches.retry(item, 0)
    changed: list[int] = []

    def next_second() -> float:
        """Half a second goes by for each task; after the third one, the run is over."""
        changed.append(len(changed))
        if len(changed) == 5:
            other = aws.batches.retry(item, 0) if action == "cancel" else None
            assert other or aws.batches.end("cancel", item)
        return len(changed) * 0.6

    monkeypatch.setattr(batching, "monotonic", next_second)

    answer = act(action, run=item["run"], cursor="")

    assert answer["cursor"] == ""
    done = {"cancel": "CANCELLED", "retry": "PENDING"}[action]
    assert 3 <= aws.counted(BATCH)[done] <= 5


@pytest.mark.usefixtures("one_by_one")
def test_a_page_ends_in_time_however_slow_the_calls_are_and_the_next_one_continues(
    aws, batch, act, monkeypatch: pytest.MonkeyPatch
):
    aws.batches.end("cancel", batch)
    monkeypatch.setattr(batching, "PAGE_SECONDS", 20.0)
    seconds = iter(range(0, 1000, 9))
    monkeypatch.setattr(batching, "monotonic", lambda: float(next(seconds)))
    cursor, pages = "", []
    while not pages or cursor:
        answer = act("cancel", cursor=cursor)
        cursor = answer["cursor"]
        pages.append(answer["open"])

    assert pages == [2, 2, 2]
    assert aws.counted(BATCH) == {"CANCELLED": 6}


def test_an_entry_that_has_moved_on_is_left_as_it_is(
    aws, batch, act, monkeypatch: pytest.MonkeyPatch
):
    late = [{"taskId": TASKS[0], "attempt": 1, "status": "PENDING"}]
    monkeypatch.setattr(task_index.BatchTaskIndex, "page", lambda *_: (late, None))
    end(aws, "complete", 0)
    aws.batches.end("cancel", batch)
    assert act("cancel", cursor="") == {"cursor": "", "open": 1}
    assert aws.store.get(TASKS[0])["status"] == "COMPLETED"


def test_a_batch_without_open_tasks_is_settled(aws, batch, act):
    aws.batches.end("cancel", batch)
    assert act("settle") == {"next": "done"}
    assert "active" not in aws.batches.get(BATCH)
    assert act("settle", run=2) == {"next": "gone"}


@pytest.mark.parametrize("end_of_run", [None, "complete"])
def test_a_batch_that_was_not_cut_short_has_nothing_to_settle(aws, batch, act, end_of_run):
    if end_of_run:
        aws.batches.end(end_of_run, batch)
    assert act("settle") == {"next": "gone"}


def test_an_unknown_action_is_an_error(act):
    with pytest.raises(ValueError, match="no action 'sing'"):
        act("sing")


def test_an_uploaded_manifest_becomes_the_entries_that_the_map_run_reads(aws: Any, act: Any):
    uploaded = {"uploaded": "batches/b/copy", "format": "csv", "key": "batches/b/manifest.jsonl"}
    other = str(uuid.UUID(int=8))
    attributes = {"manifest": uploaded, "output": {}, "toleratedFailurePercentage": 20}
    aws.batches.create(other, "me", attributes)
    aws.bucket.put("batches/b/copy", b"imageUrl\nhttps://a.example/\n\xff\n", "text/csv")

    for _ in range(2):  # a retry of the state
        assert act("prepare", batchId=other) == {}

        lines = aws.bucket.get("batches/b/manifest.jsonl").splitlines()
        assert [json.loads(line) for line in lines] == [
            {"line": 2, "text": '{"imageUrl":"https://a.example/"}'},
            {"line": 3, "text": "\ufffd", "problem": f"is not UTF-8, from byte 1 on: {ADVICE}"},
        ]


def test_a_manifest_that_is_gone_is_an_error_in_words_for_people(aws: Any, act: Any):
    other = str(uuid.UUID(int=8))
    gone = {"uploaded": "batches/gone", "format": "csv", "key": "k"}
    attributes = {"manifest": gone, "output": {}, "toleratedFailurePercentage": 20}
    aws.batches.create(other, "me", attributes)
    with pytest.raises(SourceNotFound, match="The manifest does not exist"):
        act("prepare", batchId=other)
