"""Deliver the webhook of a task's end to the address that its caller gave."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.errors import SourceError
from darkroom.events import model as events
from darkroom.runtime.clock import timestamp
from darkroom.sources.http import Deadline, exchange

SECONDS = 15.0
"""That a receiver has to answer: within what Standard Webhooks recommends (15 to 30)."""
GONE = 410
GROWTH = 6
LONGEST_PAUSE = 43_200
"""Seconds that SQS hides a message at most."""


@dataclass(frozen=True)
class Delivery:
    """What became of one try."""

    delivered: bool
    final: bool
    """No further try is wanted: it was delivered, or the receiver is gone for good."""
    status: int | None
    message: str | None
    at: str

    def item(self, tries: int) -> dict[str, Any]:
        """Return what the task's record keeps of it."""
        return {
            "delivered": self.delivered,
            "tries": tries,
            "at": self.at,
            "status": self.status,
            "message": self.message,
        }


def deliver(task: Mapping[str, Any], secret: bytes, *, allow_private: bool) -> Delivery:
    """Send the webhook of a task that has ended; a 2xx in time means that it was delivered."""
    message_id, body = events.webhook(task)
    headers = events.signed(message_id, body, secret, int(time.time()))
    try:
        with (
            Deadline(SECONDS) as deadline,
            exchange(
                "POST",
                task["callbackUrl"],
                headers,
                body,
                deadline=deadline,
                allow_private=allow_private,
            ) as answer,
        ):
            status = answer.status
    except SourceError as error:
        return Delivery(False, False, None, str(error), timestamp())  # noqa: FBT003
    delivered = status // 100 == 2  # noqa: PLR2004 - the class of what succeeded
    return Delivery(
        delivered=delivered,
        final=delivered or status == GONE,
        status=status,
        message=None if delivered else f"The receiver answered {status}.",
        at=timestamp(),
    )


def pause(tries: int, first: int) -> int:
    """Return the seconds until the next try: six times as many after each one."""
    return min(int(first * GROWTH ** (tries - 1)), LONGEST_PAUSE)
