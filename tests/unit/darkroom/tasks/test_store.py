import itertools
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import Table
from darkroom.errors import StaleAttempt
from darkroom.tasks.model import TRANSITIONS, Status
from darkroom.tasks.store import TaskStore
from tests.support.fakes.aws import STARTED

ID = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
MINE, OTHER = "arn:execution:mine", "arn:execution:other"
NEW = {
    "source": {"imageUrl": "https://example.com/a.jpg"},
    "output": {"format": "auto", "quality": 90},
}
RESULT = {"key": "results/1.jpg", "width": 40, "height": 30, "bytes": 812345, "sha256": "9f"}
FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "404"}


def apply(store: TaskStore, transition: str, attempt: int = 1, execution: str = MINE) -> None:
    match transition:
        case "start":
            store.start(ID, attempt, execution, STARTED)
        case "complete":
            store.complete(ID, attempt, execution, RESULT)
        case "fail":
            store.fail(ID, attempt, execution, FAILURE)
        case "cancel":
            store.cancel(ID, attempt)
        case "retry":
            store.retry(ID, attempt)


def task_in(store: TaskStore, status: Status) -> dict[str, Any]:
    """Bring a new task into a status, by MINE; return its item."""
    store.create(ID, "owner", NEW)
    ways = {
        Status.PENDING: [],
        Status.RUNNING: ["start"],
        Status.COMPLETED: ["start", "complete"],
        Status.FAILED: ["start", "fail"],
        Status.CANCELLED: ["start", "cancel"],
    }
    for transition in ways[status]:
        apply(store, transition)
    return read(store)


def read(store: TaskStore) -> dict[str, Any]:
    item = store.get(ID)
    assert item is not None
    return item


# ── Creation ─────────────────────────────────────────────────────────────────────────────────────
def test_a_new_task_is_pending_in_its_first_attempt(store: TaskStore) -> None:
    created, fresh = store.create(ID, "owner", {**NEW, "name": "cat"})

    assert fresh
    assert created == read(store)
    assert {key: created[key] for key in ("taskId", "owner", "attempt", "status", "name")} == {
        "taskId": ID,
        "owner": "owner",
        "attempt": 1,
        "status": "PENDING",
        "name": "cat",
    }
    assert created["createdAt"] == created["updatedAt"]
    assert "completedAt" not in created
    assert "startedAt" not in created


def test_a_task_expires_when_its_retention_is_over(store: TaskStore, now: int) -> None:
    assert store.create(ID, "owner", NEW)[0]["expiresAt"] == now + 30 * 86_400


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("darkroom.tasks.store.time.time", lambda: 1_795_000_000.9)
    return 1_795_000_000


def test_a_taken_id_is_refused_and_its_task_unchanged(store: TaskStore) -> None:
    before = task_in(store, Status.RUNNING)

    assert store.create(ID, "another owner", {**NEW, "name": "thief"}) == (before, False)
    assert read(store) == before


def test_there_is_no_task_of_an_unknown_id(store: TaskStore) -> None:
    assert store.get(ID) is None


def test_numbers_come_back_as_int_however_deep(store: TaskStore) -> None:
    task_in(store, Status.COMPLETED)

    item = read(store)

    numbers = [
        item["attempt"],
        item["expiresAt"],
        item["output"]["quality"],
        *item["result"].values(),
    ]
    assert {type(number) for number in numbers} == {int, str}
    assert item["result"] == RESULT


# ── Transitions ──────────────────────────────────────────────────────────────────────────────────
# The allowed transitions, written a second time: (transition, from, by MINE or OTHER) -> to.
# No execution owns a cancel or a retry, so both values mean "anybody" there.
ALLOWED = {
    ("start", "PENDING", MINE): "RUNNING",
    ("start", "PENDING", OTHER): "RUNNING",
    ("complete", "RUNNING", MINE): "COMPLETED",
    ("fail", "PENDING", MINE): "FAILED",
    ("fail", "PENDING", OTHER): "FAILED",
    ("fail", "RUNNING", MINE): "FAILED",
    ("cancel", "PENDING", MINE): "CANCELLED",
    ("cancel", "RUNNING", MINE): "CANCELLED",
    ("retry", "FAILED", MINE): "PENDING",
    ("retry", "CANCELLED", MINE): "PENDING",
}
REPEATS = {
    ("start", "RUNNING", MINE),
    ("complete", "COMPLETED", MINE),
    ("fail", "FAILED", MINE),
}
EVERY = [
    row
    for row in itertools.product(TRANSITIONS, Status, (MINE, OTHER))
    if TRANSITIONS[row[0]].by_execution or row[2] == MINE
]


def idf(value: object) -> str:
    return str(value).rpartition(":")[2]


@pytest.mark.parametrize(("transition", "status", "by"), ALLOWED, ids=idf)
def test_what_is_allowed_is_written(
    store: TaskStore, transition: str, status: str, by: str
) -> None:
    task_in(store, Status(status))

    apply(store, transition, execution=by)

    after = read(store)
    assert after["status"] == ALLOWED[transition, status, by]
    if TRANSITIONS[transition].by_execution:
        assert after["execution"] == by


@pytest.mark.parametrize(("transition", "status", "by"), sorted(REPEATS), ids=idf)
def test_a_repeated_request_is_not_an_error_and_changes_no_visible_field(
    store: TaskStore, transition: str, status: str, by: str
) -> None:
    before = task_in(store, Status(status))

    apply(store, transition, execution=by)

    assert {**read(store), "updatedAt": ""} == {**before, "updatedAt": ""}


@pytest.mark.parametrize(
    ("transition", "status", "by"),
    [row for row in EVERY if row not in {*ALLOWED, *REPEATS}],
    ids=idf,
)
def test_anything_else_is_stale_and_changes_nothing(
    store: TaskStore, transition: str, status: Status, by: str
) -> None:
    before = task_in(store, status)

    with pytest.raises(StaleAttempt) as stale:
        apply(store, transition, execution=by)

    assert read(store) == before
    target = TRANSITIONS[transition].target
    assert str(stale.value).startswith(f"Attempt 1 of task {ID} may not become {target}: ")


@pytest.mark.parametrize(
    ("transition", "status"), list(itertools.product(TRANSITIONS, Status)), ids=idf
)
@pytest.mark.parametrize("attempt", [0, 2])
def test_another_attempt_is_stale_in_every_status(
    store: TaskStore, transition: str, status: Status, attempt: int
) -> None:
    before = task_in(store, status)

    with pytest.raises(StaleAttempt, match=f"^Attempt {attempt} of task"):
        apply(store, transition, attempt=attempt)

    assert read(store) == before


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_a_deleted_task_is_stale_and_not_created_again(store: TaskStore, transition: str) -> None:
    with pytest.raises(StaleAttempt, match="the task does not exist, or has expired"):
        apply(store, transition)

    assert store.get(ID) is None


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("transition", TRANSITIONS)
def test_another_error_of_dynamodb_is_not_taken_for_stale(transition: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        apply(TaskStore(Table("no-such-table"), 1), transition)


# ── Times, and the index of unfinished tasks ─────────────────────────────────────────────────────
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each reading of the clock be a second later than the previous one."""
    seconds = itertools.count()
    monkeypatch.setattr(
        "darkroom.tasks.store.timestamp", lambda: f"2026-11-25T00:00:{next(seconds):02}.000Z"
    )


def test_the_start_is_that_of_the_execution_however_often_it_is_written(store: TaskStore) -> None:
    before = task_in(store, Status.RUNNING)

    apply(store, "start")

    assert read(store)["startedAt"] == before["startedAt"] == STARTED


@pytest.mark.parametrize(("status", "transition"), [("COMPLETED", "complete"), ("FAILED", "fail")])
def test_the_end_is_written_once(
    store: TaskStore, monkeypatch: pytest.MonkeyPatch, status: str, transition: str
) -> None:
    clock(monkeypatch)
    before = task_in(store, Status(status))

    apply(store, transition)

    assert before["createdAt"] < before["completedAt"] == before["updatedAt"]
    assert read(store) == before


@pytest.mark.parametrize("status", Status)
def test_only_unfinished_tasks_are_in_the_index_of_active_ones(
    store: TaskStore, table: Any, status: Status
) -> None:
    task_in(store, status)

    found = table.scan(IndexName="active")["Items"]

    assert len(found) == (status in {"PENDING", "RUNNING"})
    assert ("completedAt" in read(store)) == (not found)


def test_a_task_that_fails_before_it_starts_has_no_start(store: TaskStore) -> None:
    task_in(store, Status.PENDING)

    apply(store, "fail")

    assert "startedAt" not in read(store)
    assert read(store)["failure"] == FAILURE


# ── Expiry: DynamoDB deletes late ────────────────────────────────────────────────────────────────
def test_a_task_that_has_expired_is_gone_though_it_is_still_stored(store: TaskStore) -> None:
    store.create(ID, "owner", {**NEW, "expiresAt": int(time.time()) - 1})

    assert store.get(ID) is None


def test_a_task_that_will_expire_is_there(store: TaskStore) -> None:
    store.create(ID, "owner", {**NEW, "expiresAt": int(time.time()) + 60})

    assert read(store)["taskId"] == ID


def test_the_id_of_a_task_that_has_expired_is_free_again(store: TaskStore) -> None:
    store.create(ID, "owner", {**NEW, "expiresAt": 1})

    created, fresh = store.create(ID, "another", NEW)

    assert fresh
    assert read(store) == created
    assert store.create(ID, "owner", NEW) == (created, False)
