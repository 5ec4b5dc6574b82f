"""The event bus of the account: every call to EventBridge that Darkroom makes."""

from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from darkroom.aws.clients import client
from darkroom.errors import ServiceUnavailable

REFUSED = {"InvalidArgument", "MalformedDetail", "ValidationException"}


class EventRefused(Exception):
    """EventBridge will not take an event, however often it is sent: it is too large, or wrong."""


class Bus:
    """The default event bus."""

    def __init__(self) -> None:
        """Make the client; nothing is called yet."""
        self._events = client("events")

    def put(self, entries: Sequence[Mapping[str, str]]) -> None:
        """Publish up to ten events: `Source`, `DetailType` and `Detail` of each.

        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html

        Raises:
            ServiceUnavailable: an event was not taken; to publish all of them again does no harm.
            EventRefused: one of them never will be.
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
            raise ServiceUnavailable(f"EventBridge did not take all events: {sorted(reasons)}.")
