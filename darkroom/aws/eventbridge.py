"""The event bus of the account: every call to EventBridge that Darkroom makes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from darkroom.errors import ServiceUnavailable
from darkroom.events import model as events
from darkroom.tasks.model import Status

MOST_ENTRIES = 10
"""Of one request: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""


REFUSED = {"InvalidArgument", "MalformedDetail", "ValidationException"}


class EventRefused(Exception):
    """EventBridge will not take an event, however often it is sent: it is too large, or wrong."""


class Bus:
    """The default event bus."""

    def __init__(self, stack: str) -> None:
        """Take the name of the stack, which every event says: all stacks of an account share it."""
        self._stack = stack
        self._events = boto3.client(
            "events",
            config=Config(
                connect_timeout=2,
                read_timeout=3,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )

    def announce(self, ended: Iterable[Mapping[str, Any]]) -> None:
        """Tell of up to ten tasks that have ended.

        Raises:
            ServiceUnavailable: an event was not taken; to tell all of them again does no harm.
            EventRefused: one of them never will be.
        """
        entries = [
            {
                "Source": events.SOURCE,
                "DetailType": events.DETAIL_TYPES[Status(item["status"])],
                "Detail": json.dumps(
                    {"stack": self._stack, **events.detail(item)}, ensure_ascii=False
                ),
            }
            for item in ended
        ]
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
