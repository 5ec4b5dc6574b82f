"""The event bus of the account: every call to EventBridge."""

from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from darkroom.aws.clients import client
from darkroom.errors import ServiceUnavailable

REFUSED = {"InvalidArgument", "MalformedDetail", "ValidationException"}


class EventRefused(Exception):
    """Non-retryable: EventBridge will never accept the event, which is too large or invalid."""


class Bus:
    """The default event bus."""

    def __init__(self) -> None:
        self._events = client("events")

    def put(self, entries: Sequence[Mapping[str, str]]) -> None:
        """Publish up to ten events: `Source`, `DetailType` and `Detail` of each.

        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html

        Raises:
            ServiceUnavailable: an event was not accepted. Publishing all of them again is harmless.
            EventRefused: EventBridge will never accept one of the events.
        """
        try:
            answer = self._events.put_events(Entries=entries)
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                raise EventRefused(str(error)) from error
            raise
        if answer["FailedEntryCount"]:
            reasons = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
            if reasons & REFUSED:
                raise EventRefused(f"EventBridge refused an event: {sorted(reasons & REFUSED)}.")
            raise ServiceUnavailable(f"EventBridge did not accept all events: {sorted(reasons)}.")
