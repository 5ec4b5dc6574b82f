"""Tasks of an EXPRESS machine are repaired without a call that AWS refuses for one."""

import datetime
import json
import time
import uuid
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.aws.stepfunctions import StateMachine
from darkroom.errors import StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.tasks.reconciler import Reconciler
from tests.support.fakes.aws import STARTED

TASK = str(uuid.UUID(int=7))
OF_A_BATCH = str(uuid.UUID(int=8))
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
EXECUTION = f"arn:aws:states:eu-central-1:123456789012:express:tasks:{TASK}-1:6b1f0c9e"
OTHER = f"arn:aws:states:eu-central-1:123456789012:express:tasks:{TASK}-1:0a52d7f3"
OLDER_THAN = datetime.timedelta(seconds=120)


class Orders(list[Any]):
    """A queue."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[str] = []

    def send_many(self, orders: Sequence[Any], groups: Sequence[str]) -> int:
        self.extend(orders)
        self.groups.extend(groups)
        return 0


class DeadLetters:
    """A queue that returns ten messages at a time, the oldest first, and hides them afterwards."""

    def __init__(self, *bodies: str) -> None:
        self.visible = [{"Body": body, "ReceiptHandle": body} for body in bodies]

    def receive(self, _: int) -> list[dict[str, str]]:
        given, self.visible = self.visible[:10], self.visible[10:]
        return given

    def show(self, messages: list[dict[str, str]]) -> None:
        self.visible += messages

    def delete(self, message: dict[str, str]) -> None:
        assert message not in self.visible


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def reconciler(aws: Any, orders: Orders) -> Any:
    """A reconciler whose state machine fails every call."""
    machine = StateMachine(MACHINE, "EXPRESS")
    with Stubber(machine._states):
        yield Reconciler(aws.store, aws.index, orders, orders, machine, aws.eraser)


@pytest.fixture(autouse=True)
def pending(aws: Any) -> None:
    source = {"source": {"imageUrl": "https://a.example/b.png"}, "output": {}}
    aws.store.create(TASK, "me", source)


def set_back(aws: Any, seconds: float, task_id: str = TASK) -> None:
    """Set a task's last write and its start back by this time."""
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    aws.table.update_item(
        Key={"taskId": task_id},
        UpdateExpression="SET updatedAt = :then, startedAt = :then",
        ExpressionAttributeValues={":then": timestamp(then)},
    )


def test_a_lost_execution_ends_its_task_once_it_cannot_run_any_more(aws, reconciler):
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    set_back(aws, 301)

    assert reconciler.sweep(OLDER_THAN) == {"Ended": 1}

    task = aws.store.get(TASK)
    assert (task["status"], task["execution"]) == ("FAILED", EXECUTION)
    assert task["failure"]["error"] == "ExecutionLost"


def test_an_execution_that_may_still_run_keeps_its_task(aws, reconciler):
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    set_back(aws, 290)

    assert reconciler.sweep(OLDER_THAN) == {}
    assert aws.store.get(TASK)["status"] == "RUNNING"


def test_a_pending_task_is_queued_again_and_one_of_its_executions_gets_it(aws, reconciler, orders):
    set_back(aws, 121)

    assert reconciler.sweep(OLDER_THAN) == {"Requeued": 1}

    assert [order["taskId"] for order in orders] == [TASK]
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    with pytest.raises(StaleAttempt):
        aws.store.start(TASK, 1, OTHER, STARTED)


def test_what_is_queued_again_keeps_its_message_group(aws, reconciler, orders):
    item = {"source": {"imageUrl": "https://a.example/b.png"}, "output": {}, "batchId": "b"}
    aws.store.create(OF_A_BATCH, "another", {**item, "batchIndex": 0, "batchRun": 1})
    set_back(aws, 121)
    set_back(aws, 121, OF_A_BATCH)

    reconciler.sweep(OLDER_THAN)

    groups = dict(zip((order["taskId"] for order in orders), orders.groups, strict=True))
    assert groups == {TASK: "me", OF_A_BATCH: "another/batch"}


def test_a_late_write_of_an_execution_that_was_given_up_is_stale(aws, reconciler):
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    set_back(aws, 301)
    reconciler.sweep(OLDER_THAN)

    with pytest.raises(StaleAttempt):
        aws.store.complete(TASK, 1, EXECUTION, {"key": "k"})
    assert aws.store.get(TASK)["status"] == "FAILED"


def test_a_task_of_the_machine_before_a_change_of_type_is_not_looked_up(aws, reconciler):
    """Its execution is Standard, of a machine that the functions' roles no longer name."""
    before = EXECUTION.replace(":express:tasks:", ":execution:tasks-before:")
    aws.store.start(TASK, 1, before, STARTED)
    set_back(aws, 301)

    assert reconciler.sweep(OLDER_THAN) == {"Ended": 1}


@pytest.mark.parametrize("skew", [-300, 300])
@pytest.mark.parametrize("age", [240, 400])
def test_reconcile_uses_the_clock_of_dynamodb_and_not_its_own(
    aws, reconciler, monkeypatch: pytest.MonkeyPatch, skew: int, age: int
):
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    set_back(aws, age)
    now = time.time
    monkeypatch.setattr("darkroom.aws.dynamodb.time", SimpleNamespace(time=lambda: now() + skew))

    assert reconciler.sweep(datetime.timedelta(0)) == ({"Ended": 1} if age > 300 else {})


def test_an_unreadable_item_does_not_prevent_the_repair_of_others(aws, reconciler):
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    set_back(aws, 301)
    broken = {"taskId": "x", "updatedAt": "", "active": aws.store.get(TASK)["active"]}
    aws.table.put_item(Item={**broken, "updatedAt": "0", "attempt": "one"})

    assert reconciler.sweep(OLDER_THAN) == {"Unrepaired": 1, "Ended": 1}


def test_a_hundred_dead_letters_without_a_task_do_not_delay_the_others(aws, orders):
    order = {"taskId": TASK, "attempt": 1, "source": {}, "output": {}}
    poison = [f"no task {number}" for number in range(300)]
    dead_letters = DeadLetters(*poison, json.dumps(order), "no task either")
    machine = StateMachine(MACHINE, "EXPRESS")

    reconciler = Reconciler(aws.store, aws.index, orders, dead_letters, machine, aws.eraser)
    ended = reconciler.fail_dead_letters()

    assert ended == {"Ended": 1}
    assert aws.store.get(TASK)["failure"]["error"] == "DeadLettered"
    # Those stay for a person to inspect.
    assert [message["Body"] for message in dead_letters.visible] == [*poison, "no task either"]
