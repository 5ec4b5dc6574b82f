"""Two executions of a task with duplicate, late and reordered events, compared with a model.

So are the runs of its batch, whose cancels and retries come from pages that may be late.
"""

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from darkroom.aws.dynamodb import Table
from darkroom.errors import StaleAttempt
from darkroom.tasks.store import TaskStore
from tests.support.fakes.aws import STARTED, TABLE

executions = st.sampled_from(["arn:A", "arn:B"])
# How far an event is from the task's attempt: usually the same, sometimes earlier, or one that does
# not exist yet.
offsets = st.sampled_from([0, 0, 0, 0, -1, 1])
runs = st.sampled_from([None, 1, 2, 3])
RANK = {"PENDING": 0, "RUNNING": 1, "COMPLETED": 2, "FAILED": 2, "CANCELLED": 2}


@cache
def store_in_moto() -> TaskStore:
    return TaskStore(Table(TABLE), 1)


class Life(RuleBasedStateMachine):
    """The model has four variables: the task's attempt, its status, its owner, and its run."""

    def __init__(self) -> None:
        super().__init__()
        self.id = str(uuid.uuid4())
        self.store = store_in_moto()
        self.attempt, self.status, self.claimed_by = 1, "PENDING", None
        self.run = 0
        self.history: list[dict[str, Any]] = []

    @initialize()
    def accept(self) -> None:
        self.store.create(self.id, "owner", {"source": {}, "output": {}})

    @rule(execution=executions, offset=offsets)
    def start(self, execution: str, offset: int) -> None:
        took = accepted(self.store.start, self.id, self.attempt + offset, execution, STARTED)

        free = self.status == "PENDING"
        again = self.status == "RUNNING" and self.claimed_by == execution
        assert took == (offset == 0 and (free or again))
        if took:
            self.status, self.claimed_by = "RUNNING", execution

    @rule(execution=executions, offset=offsets)
    def complete(self, execution: str, offset: int) -> None:
        result = {"key": execution}
        took = accepted(self.store.complete, self.id, self.attempt + offset, execution, result)

        mine = self.claimed_by == execution and self.status in {"RUNNING", "COMPLETED"}
        assert took == (offset == 0 and mine)
        if took:
            self.status = "COMPLETED"

    @rule(execution=executions, offset=offsets)
    def fail(self, execution: str, offset: int) -> None:
        failure = {"step": execution}
        took = accepted(self.store.fail, self.id, self.attempt + offset, execution, failure)

        free = self.status == "PENDING"
        mine = self.claimed_by == execution and self.status in {"RUNNING", "FAILED"}
        assert took == (offset == 0 and (free or mine))
        if took:
            self.status, self.claimed_by = "FAILED", execution

    @rule(offset=offsets, run=runs)
    def cancel(self, offset: int, run: int | None) -> None:
        took = accepted(self.store.cancel, self.id, self.attempt + offset, run)

        in_time = run is None or run >= self.run
        assert took == (offset == 0 and in_time and self.status in {"PENDING", "RUNNING"})
        if took:
            self.status = "CANCELLED"

    @rule(offset=offsets, run=runs)
    def retry(self, offset: int, run: int | None) -> None:
        took = accepted(self.store.retry, self.id, self.attempt + offset, run)

        in_time = run is None or run >= self.run
        assert took == (offset == 0 and in_time and self.status in {"FAILED", "CANCELLED"})
        if took:
            self.attempt, self.status, self.claimed_by = self.attempt + 1, "PENDING", None
            self.run = run or self.run

    @rule(offset=offsets, run=runs.filter(bool))
    def keep(self, offset: int, run: int) -> None:
        kept = self.store.assign_to_run(self.id, self.attempt + offset, run)

        assert kept == (offset == 0 and run >= self.run and self.status in {"PENDING", "RUNNING"})
        if kept:
            self.run = run

    @invariant()
    def the_task_is_where_the_model_says(self) -> None:
        item = self.store.get(self.id)
        if item is None:  # before `accept`
            return
        reported = (item["attempt"], item["status"], item.get("execution"), item.get("batchRun", 0))
        assert reported == (self.attempt, self.status, self.claimed_by, self.run)
        assert ("active" in item) == (self.status in {"PENDING", "RUNNING"})
        assert ("completedAt" in item) == (self.status not in {"PENDING", "RUNNING"})
        self.history.append(item)

    @invariant()
    def an_attempt_never_goes_back_and_ends_once(self) -> None:
        places = [(item["attempt"], RANK[item["status"]]) for item in self.history]
        ends = {item["attempt"]: item for item in reversed(self.history) if "completedAt" in item}
        assert places == sorted(places)
        assert all(item == ends[item["attempt"]] for item in self.history if "completedAt" in item)


def accepted(write: Callable[..., object], *arguments: Any) -> bool:
    try:
        write(*arguments)
    except StaleAttempt:
        return False
    return True


@pytest.mark.usefixtures("aws")
class TestLife(Life.TestCase):  # type: ignore[misc]
    settings = settings(
        max_examples=30,
        stateful_step_count=12,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
