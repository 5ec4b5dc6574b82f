import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom.cli import stack
from darkroom.cli.operator import redrive
from darkroom.cli.stack import Stack
from tests.support.fakes.api import darkroom

REGION = "us-east-1"


TASK = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"


class Queues:
    """The two queues of a stack."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.tasks = self.sqs.create_queue(QueueName="tasks")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        outputs = {"DeadLetterQueueUrl": self.dead, "TaskQueueUrl": self.tasks}
        self.stack = Stack("https://api", "key", region=REGION, outputs=outputs)

    def bury(self, body: str, reason: str | None = None) -> None:
        attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes)

    def bodies(self, url: str) -> list[str]:
        """Return the messages that can be received now."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            found += [message["Body"] for message in messages]
        return found


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    monkeypatch.setattr(redrive, "POLL_SECONDS", 0)
    with mock_aws():
        queues = Queues()
        monkeypatch.setattr(stack, "find", lambda *_: queues.stack)
        yield queues


def order(task_id: str, attempt: int = 1) -> str:
    source = {"imageUrl": "https://x/a.png"}
    return json.dumps({"taskId": task_id, "attempt": attempt, "source": source, "output": {}})


def test_every_task_is_in_its_queue_again_and_no_dead_letter_any_more(queues: Queues) -> None:
    orders = [order(f"5b0c2f9e-6c1c-4f0e-9d5e-{number:012}") for number in range(25)]
    for body in orders:
        queues.bury(body)

    done = darkroom("redrive-dlq", "--yes")

    assert done.exit_code == 0
    assert done.stdout == "25 messages in the dead-letter queue.\n25 moved.\n"
    assert sorted(queues.bodies(queues.tasks)) == sorted(orders)
    assert queues.bodies(queues.dead) == []


def test_a_message_keeps_its_group_and_an_older_one_has_none(queues: Queues) -> None:
    older = order(TASK, 2)
    queues.bury(older)
    queues.sqs.send_message(
        QueueUrl=queues.dead, MessageBody=order(TASK), MessageGroupId="me/batch"
    )

    darkroom("redrive-dlq", "--yes")

    found = queues.sqs.receive_message(
        QueueUrl=queues.tasks,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["MessageGroupId"],
    )["Messages"]
    groups = {m["Body"]: m.get("Attributes", {}).get("MessageGroupId") for m in found}
    assert groups == {order(TASK): "me/batch", older: None}


def test_a_message_without_a_task_stays_in_the_dead_letter_queue(queues: Queues) -> None:
    queues.bury("hello", "The message is not JSON.")
    queues.bury(order(TASK))

    done = darkroom("redrive-dlq", "--yes")

    assert done.exit_code == 0
    assert "1 moved.\n1 kept: not a task" in done.stdout
    assert queues.bodies(queues.tasks) == [order(TASK)]
    assert queues.bodies(queues.dead) == ["hello"]


def test_a_dry_run_shows_what_would_move_and_leaves_everything(queues: Queues) -> None:
    queues.bury(order(TASK, 2))
    queues.bury("hello", "Told by dispatch.")

    done = darkroom("redrive-dlq", "--dry-run")

    assert sorted(done.stdout.splitlines()) == [
        "2 messages in the dead-letter queue.",
        "keep  not a task  Told by dispatch.",
        f"move  {TASK}  attempt 2",
    ]
    assert queues.bodies(queues.tasks) == []
    assert len(queues.bodies(queues.dead)) == 2


def test_a_dry_run_shows_ten_at_most(queues: Queues) -> None:
    for number in range(12):
        queues.bury(order(f"5b0c2f9e-6c1c-4f0e-9d5e-{number:012}"))

    shown = darkroom("redrive-dlq", "--dry-run").stdout.splitlines()

    assert shown[0] == "12 messages in the dead-letter queue."
    assert len(shown) == 11


def test_a_message_without_a_reason_names_its_missing_field(queues: Queues) -> None:
    queues.bury("{}")

    shown = darkroom("redrive-dlq", "--dry-run").stdout

    assert "keep  not a task  The field taskId of the message is missing" in shown


def test_a_redrive_asks_with_the_count(queues: Queues) -> None:
    queues.bury(order(TASK))

    done = darkroom("redrive-dlq", input="n\n")

    assert done.exit_code == 1
    assert "Move 1 message back to the task queue? [y/N]" in done.stderr
    assert queues.bodies(queues.tasks) == []
    assert queues.bodies(queues.dead) == [order(TASK)]


@pytest.mark.usefixtures("queues")
def test_no_dead_letter_is_nothing_to_ask_about() -> None:
    done = darkroom("redrive-dlq")

    assert (done.exit_code, done.stdout) == (0, "0 messages in the dead-letter queue.\n")


def test_batches_that_reconcile_repairs_are_left_to_it_and_reported(queues: Queues) -> None:
    queues.bury(order(TASK))
    queues.sqs.receive_message(QueueUrl=queues.dead)

    dry = darkroom("redrive-dlq", "--dry-run").stdout
    done = darkroom("redrive-dlq", "--yes").stdout

    assert "The others are hidden for the moment" in dry
    assert "0 moved.\n1 not received" in done


class Saboteur:
    """An SQS in which the call with this name fails."""

    def __init__(self, sqs: Any, call: str) -> None:
        self._sqs, self._call = sqs, call

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            return self._fail
        return getattr(self._sqs, name)

    def _fail(self, **_: Any) -> None:
        answer = {"Error": {"Code": "AccessDenied", "Message": "Not allowed."}}
        raise self._sqs.exceptions.ClientError(answer, self._call)


def test_a_message_that_could_not_be_sent_is_not_deleted(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.bury(order(TASK))
    monkeypatch.setattr(redrive, "HIDDEN_SECONDS", 0)
    monkeypatch.setattr(Stack, "client", lambda *_: Saboteur(queues.sqs, "send_message"))

    done = darkroom("redrive-dlq", "--yes")

    assert done.exit_code == 1
    assert done.stderr == (
        "The dead letters cannot be redriven: Not allowed. At least 0 were moved. Run it again.\n"
    )
    assert queues.bodies(queues.dead) == [order(TASK)]


def test_a_message_that_could_not_be_deleted_is_still_sent(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.bury(order(TASK))
    monkeypatch.setattr(redrive, "HIDDEN_SECONDS", 0)
    monkeypatch.setattr(Stack, "client", lambda *_: Saboteur(queues.sqs, "delete_message"))

    assert darkroom("redrive-dlq", "--yes").exit_code == 1
    assert queues.bodies(queues.tasks) == [order(TASK)]
    assert queues.bodies(queues.dead) == [order(TASK)]


def test_more_than_was_counted_is_never_moved(queues: Queues) -> None:
    for number in range(3):
        queues.bury(order(f"5b0c2f9e-6c1c-4f0e-9d5e-{number:012}"))

    outcome = redrive.DeadLetters(queues.stack).redrive(2)

    assert outcome == redrive.Moved(moved=2, kept=0)
    assert len(queues.bodies(queues.dead)) == 1


def test_unknown_queues_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "find", lambda *_: Stack("https://api", "key"))

    done = darkroom("redrive-dlq")

    assert done.exit_code == 1
    assert done.stderr.startswith("The queues of the stack are not known.")
