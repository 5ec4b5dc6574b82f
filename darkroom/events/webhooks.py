"""Deliver the webhook of a task that has ended to its `callbackUrl`."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.errors import SourceError
from darkroom.events import model as events
from darkroom.runtime.clock import timestamp
from darkroom.sources.http import Deadline, exchange

TIMEOUT_SECONDS = 15.0
"""Time in which a receiver must answer. Standard Webhooks recommends 15 to 30 seconds."""
GONE = 410
NO_POST = "it does not accept POST requests at this path"
REFUSED = "check the secret with which it verifies webhooks, and whether it wants credentials"
MEANINGS = {
    401: REFUSED,
    403: REFUSED,
    404: "nothing receives webhooks at this path",
    405: NO_POST,
    501: NO_POST,
}
"""By status: what it says about the receiver. A web server for files answers POST with 501."""
REDIRECT = "a redirect, which Darkroom does not follow"
BACKOFF_FACTOR = 6
MAX_DELAY = 43_200
"""The longest time between two tries, in seconds."""


@dataclasses.dataclass(frozen=True)
class Delivery:
    """The outcome of one try."""

    delivered: bool
    final: bool
    """There will be no further try: the webhook was delivered, or the receiver answered 410."""
    status: int | None
    message: str | None
    at: str

    def item(self, tries: int) -> dict[str, Any]:
        """Return the attribute `delivery` of the task."""
        stored = dataclasses.asdict(self) | {"tries": tries}
        del stored["final"]
        return stored


def deliver(task: Mapping[str, Any], secrets: Sequence[bytes], *, allow_private: bool) -> Delivery:
    """Send the webhook of a task that has ended, with a signature by each of the secrets.

    An answer of 2xx in time means delivered.
    """
    message_id, body = events.webhook(task)
    headers = events.signed(message_id, body, secrets, int(time.time()))
    try:
        with (
            Deadline(TIMEOUT_SECONDS) as deadline,
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
    delivered = status // 100 == 2  # noqa: PLR2004 - 2xx
    return Delivery(
        delivered=delivered,
        final=delivered or status == GONE,
        status=status,
        message=None if delivered else _refusal(status),
        at=timestamp(),
    )


def _refusal(status: int) -> str:
    meaning = REDIRECT if status // 100 == 3 else MEANINGS.get(status)  # noqa: PLR2004 - 3xx
    return f"The receiver answered {status}" + (f": {meaning}." if meaning else ".")


def retry_delay(tries: int, first: int) -> int:
    """Return the seconds until the next try: `first` after one try, then six times as long."""
    return min(int(first * BACKOFF_FACTOR ** (tries - 1)), MAX_DELAY)
