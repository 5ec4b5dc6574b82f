"""Move messages from the dead-letter queue back to the task queue.

SQS can do this (StartMessageMoveTask), but it moves every message, also those that are not a task,
and the local cloud cannot do it. Here each message is received, sent and then deleted. A crash
before the deletion leaves the message in both queues, which still starts one execution only.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from darkroom.cli import aws
from darkroom.cli.errors import CommandError, Interrupted
from darkroom.cli.render import confirm, count, note, print_json, say
from darkroom.cli.stack import NoStack, Stack
from darkroom.cli.submissions import AT_ONCE
from darkroom.cli.workers import Workers
from darkroom.tasks.messages import NotATask, read_order

RECEIVE_LIMIT = 10
"""Messages that one request may receive, a limit of SQS."""
HIDDEN_SECONDS = 60
"""Visibility timeout: nobody else, such as `reconcile`, receives a message during the move."""
POLL_SECONDS = 1
"""Wait time of a request. Without one, SQS asks only some of its servers (short polling)."""


class QueueError(CommandError):
    """A request to a queue failed. The message says which one and why."""


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue.

    `order` is None if the message is not a task; then `reason` says why, if that is known.
    """

    message_id: str
    receipt: str
    body: str
    order: dict[str, Any] | None
    reason: str
    group: str | None
    """Its message group. Messages that an older release sent have none."""

    def __str__(self) -> str:
        """Return what a redrive would do with it, and with what."""
        order = self.order
        content = f"{order['taskId']}  attempt {order['attempt']}" if order else "not a task"
        return "  ".join(filter(None, ["move" if order else "keep", content, self.reason]))

    def described(self) -> dict[str, Any]:
        """Return the same as a JSON object."""
        order = self.order or {}
        return {
            "action": "move" if self.order else "keep",
            "messageId": self.message_id,
            "taskId": order.get("taskId"),
            "attempt": order.get("attempt"),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Moved:
    """The outcome of a redrive."""

    moved: int
    """Messages that are in the task queue again."""
    kept: int
    """Messages that are not a task: they would become dead letters again."""


def preview(letters: "DeadLetters", most: int, *, as_json: bool) -> None:
    """Show what a redrive would do with some messages."""
    tell = note if as_json else say
    total = letters.count()
    tell(_in_queue(total))
    shown = letters.peek(most) if total else []
    for letter in shown:
        if as_json:
            print_json(letter.described())
        else:
            say(str(letter))
    if len(shown) < min(total, most):
        tell("The others are hidden for the moment: `reconcile` receives them every minute.")


def run(letters: "DeadLetters", *, yes: bool, as_json: bool) -> None:
    """Move all messages that are tasks back to the task queue, after asking.

    Raises:
        Interrupted: Ctrl-C. Messages moved before that stay moved.
    """
    tell = note if as_json else say
    total = letters.count()
    tell(_in_queue(total))
    outcome = Moved(0, 0)
    if total:
        confirm(f"Move {count(total, 'message')} back to the task queue?", yes=yes)
        try:
            outcome = letters.redrive(total)
        except KeyboardInterrupt:
            message = "Some messages may have been moved. Run it again to move the others."
            raise Interrupted(message) from None
    hidden = total - outcome.moved - outcome.kept
    if as_json:
        counts = {"found": total, "moved": outcome.moved, "kept": outcome.kept, "hidden": hidden}
        print_json(counts)
        return
    if total:
        say(f"{outcome.moved} moved.")
    if outcome.kept:
        say(f"{outcome.kept} kept: not a task, so dispatch would refuse it again. See --dry-run.")
    if hidden:
        say(f"{hidden} not received: `reconcile` has ended it, or is processing it right now.")


def _in_queue(total: int) -> str:
    return f"{count(total, 'message')} in the dead-letter queue."


class DeadLetters:
    """The dead-letter queue of a stack and its task queue."""

    def __init__(self, stack: Stack) -> None:
        """Find the queues.

        Raises:
            NoStack: the queues are not known, only the address of the API.
        """
        outputs = stack.outputs
        if not {"DeadLetterQueueUrl", "TaskQueueUrl"} <= outputs.keys():
            raise NoStack("The queues of the stack are not known. Use --stack to name the stack.")
        self._dead, self._tasks = outputs["DeadLetterQueueUrl"], outputs["TaskQueueUrl"]
        self._sqs = stack.client("sqs")

    def count(self) -> int:
        """Return the number of messages, including hidden ones. In AWS it is approximate."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with _errors_of("read"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def peek(self, most: int) -> list[DeadLetter]:
        """Return some messages without moving them."""
        letters: list[DeadLetter] = []
        with _errors_of("read"):
            while len(letters) < most and (more := self._receive(most - len(letters))):
                letters += more
            self._release(letters)
        return letters

    def redrive(self, most: int) -> Moved:
        """Move messages that are tasks, `most` at most: with a broken dispatch it would not end.

        Raises:
            QueueError: a request failed. Messages moved before that stay moved.
        """
        moved = 0
        kept: dict[str, DeadLetter] = {}
        with _errors_of("redriven", lambda: f" At least {moved} were moved. Run it again."):
            try:
                while (room := most - moved - len(kept)) > 0:
                    letters = self._receive(room)
                    if all(letter.message_id in kept for letter in letters):
                        break  # the queue is empty, or has only messages that were seen before
                    kept |= {letter.message_id: letter for letter in letters if not letter.order}
                    with Workers(AT_ONCE) as pool:
                        for _ in pool.map(self._move, filter(lambda x: x.order, letters)):
                            moved += 1
            finally:
                self._release(kept.values())
        return Moved(moved, len(kept))

    def _move(self, letter: DeadLetter) -> None:
        group = {"MessageGroupId": letter.group} if letter.group else {}
        self._sqs.send_message(QueueUrl=self._tasks, MessageBody=letter.body, **group)
        self._sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=letter.receipt)

    def _receive(self, most: int) -> list[DeadLetter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._dead,
            MaxNumberOfMessages=min(RECEIVE_LIMIT, most),
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
            MessageAttributeNames=["reason"],
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [_letter(message) for message in answer.get("Messages", [])]

    def _release(self, letters: Iterable[DeadLetter]) -> None:
        for letter in letters:
            # If this fails, the message becomes visible after HIDDEN_SECONDS.
            with suppress(*aws.AwsError):
                self._sqs.change_message_visibility(
                    QueueUrl=self._dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )


def _letter(message: dict[str, Any]) -> DeadLetter:
    order, reason = None, ""
    try:
        order = read_order(message["Body"])
    except NotATask as error:
        reason = str(error)
    given = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    return DeadLetter(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        order,
        given or reason,
        message.get("Attributes", {}).get("MessageGroupId"),
    )


@contextmanager
def _errors_of(action: str, more: Callable[[], str] = lambda: "") -> Iterator[None]:
    try:
        yield
    except aws.AwsError as error:
        reason = aws.message(error).rstrip(".")
        raise QueueError(f"The dead letters cannot be {action}: {reason}.{more()}") from error
