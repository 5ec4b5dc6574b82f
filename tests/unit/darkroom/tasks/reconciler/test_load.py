"""Thousands of overdue tasks: each is checked in time, and each run's work is bounded."""

import datetime
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.aws.dynamodb import Table
from darkroom.aws.execution_failures import Outcome
from darkroom.runtime.clock import timestamp
from darkroom.tasks import reconciler as module
from darkroom.tasks.model import ACTIVE_SHARDS, active_shard
from darkroom.tasks.reconciler import Reconciler

TEN_MINUTES = 10
"""Runs: one begins every minute."""
OLDER_THAN = datetime.timedelta(seconds=120)
SCALE = 25
"""A fraction of the tasks, and of each limit: the real numbers take moto minutes."""


class Machine:
    """Executions by ARN, which is their name; others do not exist."""

    describes_executions = True

    def __init__(self) -> None:
        self.listed: frozenset[str] = frozenset()
        self.outcomes: dict[str, Outcome] = {}
        self.questions = 0

    def running(self) -> frozenset[str]:
        return self.listed

    def arn_of(self, name: str) -> str:
        return name

    def outcome(self, execution: str) -> Outcome | None:
        self.questions += 1
        if execution.startswith("broken"):
            raise RuntimeError("It cannot be asked for.")
        return self.outcomes.get(execution)

    def last_step(self, _: str) -> str:
        return "Download"


class Orders(list[str]):
    """A queue of the tasks' ids."""

    def send_many(self, orders: Sequence[Any], _groups: Sequence[str]) -> int:
        self.extend(order["taskId"] for order in orders)
        return 0


@pytest.fixture(autouse=True)
def _scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("TASKS_PER_SHARD", "MAX_QUESTIONS", "MAX_REQUEUES"):
        monkeypatch.setattr(module, limit, getattr(module, limit) // SCALE)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def reconciler(aws: Any, machine: Machine, orders: Orders) -> Reconciler:
    return Reconciler(aws.store, aws.index, orders, dead_letters=None, machine=machine, eraser=None)


def put(aws: Any, count: int, status: str, age: float, **more: Any) -> list[str]:
    """Create this number of tasks that were last written `age` seconds ago, the first one last."""
    now = datetime.datetime.now(datetime.UTC)
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with aws.table.batch_writer() as batch:
        for number, task_id in enumerate(ids):
            moment = timestamp(now - datetime.timedelta(seconds=age + number / 100))
            own = {name: value.format(task_id) for name, value in more.items()}
            batch.put_item(
                Item={
                    "taskId": task_id,
                    "owner": "me",
                    "attempt": 1,
                    "status": status,
                    "active": active_shard(task_id),
                    "updatedAt": moment,
                    "startedAt": moment,
                    "source": {},
                    "output": {},
                    **own,
                }
            )
    return ids


def status_of(aws: Any, task_id: str) -> str:
    return str(aws.store.get(task_id)["status"])


@pytest.fixture
def minutes(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The runs of ten minutes, each at its time."""
    began = aws.index.table.now()
    ahead = datetime.timedelta()
    monkeypatch.setattr(Table, "now", lambda _: began + ahead)

    def runs() -> Iterator[int]:
        nonlocal ahead
        for run in range(TEN_MINUTES):
            ahead = datetime.timedelta(minutes=run)
            yield run

    return runs()


def test_a_lost_task_is_found_within_ten_minutes_behind_ten_thousand(
    aws, reconciler, machine: Machine, minutes: Iterator[int]
):
    """The older ones run for a long time, or cannot be repaired; both stay overdue forever."""
    slow = put(aws, 9_000 // SCALE, "RUNNING", 1_000, execution="slow-{}")
    put(aws, 990 // SCALE, "RUNNING", 900, execution="broken-{}")
    machine.listed = frozenset(f"slow-{task_id}" for task_id in slow)
    [dead] = put(aws, 1, "RUNNING", 200, execution="dead-{}")
    machine.outcomes[f"dead-{dead}"] = Outcome("ABORTED", cause="By hand.")

    for _ in minutes:
        machine.questions = 0
        reconciler.sweep(OLDER_THAN)
        assert machine.questions <= module.MAX_QUESTIONS

    assert status_of(aws, dead) == "FAILED"


def test_each_of_ten_thousand_tasks_is_checked_within_ten_minutes(
    aws, reconciler, monkeypatch: pytest.MonkeyPatch
):
    ids = put(aws, 10_000 // SCALE, "RUNNING", 200)
    seen: Counter[str] = Counter()

    def look(_: Reconciler, task: Any, *__: Any) -> Counter[str]:
        seen[task["taskId"]] += 1
        return Counter()

    monkeypatch.setattr(Reconciler, "_repair", look)

    for _ in range(TEN_MINUTES):
        before = seen.total()
        reconciler.sweep(OLDER_THAN)
        assert seen.total() - before <= 2 * module.TASKS_PER_SHARD * ACTIVE_SHARDS

    assert set(seen) == set(ids)


def test_a_backlog_is_queued_again_after_ever_longer_pauses(aws, reconciler, orders: Orders):
    """The messages still wait behind others; a second one is harmless, but not free."""
    put(aws, 60, "PENDING", 200)

    assert reconciler.sweep(OLDER_THAN) == {"Requeued": module.MAX_REQUEUES}
    assert reconciler.sweep(OLDER_THAN) == {"Requeued": 20}
    assert reconciler.sweep(OLDER_THAN) == {}

    assert len(set(orders)) == len(orders) == 60


@pytest.mark.parametrize(
    ("requeues", "seconds", "queued"),
    [
        (0, 121, True),
        (1, 239, False),
        (1, 241, True),
        (3, 961, True),
        (9, 1799, False),
        (9, 1801, True),
    ],
)
def test_the_pause_doubles_up_to_half_an_hour(
    aws, reconciler, requeues: int, seconds: float, *, queued: bool
):
    [task_id] = put(aws, 1, "PENDING", seconds)
    aws.table.update_item(
        Key={"taskId": task_id},
        UpdateExpression="SET requeues = :count",
        ExpressionAttributeValues={":count": requeues},
    )

    assert reconciler.sweep(OLDER_THAN) == ({"Requeued": 1} if queued else {})
    assert aws.store.get(task_id)["requeues"] == requeues + queued


def test_the_position_of_the_sweep_is_not_a_task(aws, reconciler):
    put(aws, ACTIVE_SHARDS * module.TASKS_PER_SHARD * 2, "RUNNING", 200)
    reconciler.sweep(OLDER_THAN)

    item = aws.table.get_item(Key={"taskId": "sweep"})["Item"]
    assert set(item) == {"taskId", "positions"}  # in no index


def test_executions_that_cannot_be_listed_are_described(
    aws, reconciler, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def refuse() -> frozenset[str]:
        raise EndpointConnectionError(endpoint_url="https://states")

    [dead] = put(aws, 1, "RUNNING", 200, execution="dead-{}")
    machine.outcomes[f"dead-{dead}"] = Outcome("ABORTED")
    monkeypatch.setattr(machine, "running", refuse)

    assert reconciler.sweep(OLDER_THAN) == {"Ended": 1}
