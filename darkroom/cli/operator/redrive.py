"""Dead letters on their way back to the queue of tasks.

SQS can do this by itself (StartMessageMoveTask), but moves every message alike, and the local cloud
cannot. Here each is received, sent and then deleted: a crash between the last two leaves a message
twice, which starts one execution, and never none.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.cli.stack import NoStack, Stack
from darkroom.cli.submissions import AT_ONCE
from darkroom.tasks.messages import NotATask, read_order

BATCH = 10
"""Messages of one answer, which is the most that SQS gives."""
HIDDEN_SECONDS = 60
"""For how long nobody else, `reconcile` for one, gets a message that is being moved."""
POLL_SECONDS = 1
"""How long an answer may take: SQS asks only some of its servers if it may not take any time."""


class QueueTrouble(Exception):
    """A queue did not do what was asked; the message says which and why."""


@dataclass(frozen=True)
class Letter:
    """A dead letter. `order` is None if it is no task; `reason` says why then, if it is known."""

    message_id: str
    receipt: str
    body: str
    order: dict[str, Any] | None
    reason: str


@dataclass(frozen=True)
class Moved:
    """What came of moving dead letters."""

    moved: int
    """Messages that are in the queue of tasks again."""
    kept: int
    """Messages that are no task and would come straight back."""


class DeadLetters:
    """The dead-letter queue of a stack, and the queue that its messages came from."""

    def __init__(self, stack: Stack) -> None:
        """Find the queues.

        Raises:
            NoStack: of this stack only the API's address is known.
        """
        try:
            self._dead = stack.outputs["DeadLetterQueueUrl"]
            self._tasks = stack.outputs["TaskQueueUrl"]
        except KeyError as error:
            raise NoStack(
                "Where the queues are, is not known here: name the stack with --stack."
            ) from error
        self._sqs = stack.client("sqs")

    def count(self) -> int:
        """Return how many messages there are, hidden ones included; in AWS, about how many."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with _told("read"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def peek(self, most: int) -> list[Letter]:
        """Return some messages and leave them where they are."""
        letters: list[Letter] = []
        with _told("read"):
            while len(letters) < most and (more := self._receive(most - len(letters))):
                letters += more
            self._release(letters)
        return letters

    def redrive(self, most: int, on_moved: Callable[[int], None] = lambda _: None) -> Moved:
        """Move messages that are tasks, `most` at most: a broken dispatch would make it endless.

        `on_moved` gets how many of them are moved, again and again.

        Raises:
            QueueTrouble: a queue did not answer. What was moved by then is moved.
        """
        moved = 0
        kept: dict[str, Letter] = {}
        with _told("redriven", lambda: f" {moved} or more were moved: run it again."):
            try:
                while (room := most - moved - len(kept)) > 0:
                    letters = self._receive(room)
                    if all(letter.message_id in kept for letter in letters):
                        break  # none is left, or only what has come round again
                    kept |= {letter.message_id: letter for letter in letters if not letter.order}
                    with ThreadPoolExecutor(AT_ONCE) as pool:
                        for _ in pool.map(self._move, filter(lambda x: x.order, letters)):
                            moved += 1
                    on_moved(moved)
            finally:
                self._release(kept.values())
        return Moved(moved, len(kept))

    def _move(self, letter: Letter) -> None:
        self._sqs.send_message(QueueUrl=self._tasks, MessageBody=letter.body)
        self._sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=letter.receipt)

    def _receive(self, most: int) -> list[Letter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._dead,
            MaxNumberOfMessages=min(BATCH, most),
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
            MessageAttributeNames=["reason"],
        )
        return [_letter(message) for message in answer.get("Messages", [])]

    def _release(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            # If it cannot be done now, it happens by itself within HIDDEN_SECONDS.
            with suppress(ClientError, BotoCoreError):
                self._sqs.change_message_visibility(
                    QueueUrl=self._dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )


def _letter(message: dict[str, Any]) -> Letter:
    order, reason = None, ""
    try:
        order = read_order(message["Body"])
    except NotATask as error:
        reason = str(error)
    told = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    return Letter(
        message["MessageId"], message["ReceiptHandle"], message["Body"], order, told or reason
    )


@contextmanager
def _told(what: str, more: Callable[[], str] = lambda: "") -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        answer = error.response["Error"] if isinstance(error, ClientError) else {}
        why = answer.get("Message", str(error)).rstrip(".")
        raise QueueTrouble(f"The dead letters cannot be {what}: {why}.{more()}") from error
