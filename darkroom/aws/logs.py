"""Searches of CloudWatch Logs."""

import datetime
import time
from collections.abc import Iterator
from typing import Any

MARGIN = datetime.timedelta(minutes=1)
"""A search starts this much earlier, because clocks differ."""


class LogGroup:
    """A log group."""

    def __init__(self, client: Any, name: str) -> None:
        """Take a boto3 client for `logs`, and the name of the group."""
        self._client, self._name = client, name

    def lines(
        self, term: str, since: datetime.datetime, until: datetime.datetime | None
    ) -> Iterator[list[str]]:
        """Yield the lines that contain a term in a period, by pages, which may be empty.

        CloudWatch Logs has no index: it reads everything that was logged in the period, a part in
        each call. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html

        Raises:
            BotoCoreError, ClientError: the group cannot be read.
        """
        query: dict[str, Any] = {
            "logGroupName": self._name,
            "startTime": _milliseconds(since - MARGIN),
            # A term with characters other than letters, digits and _ must be quoted:
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
            "filterPattern": f'"{term}"',
        }
        if until:
            query["endTime"] = _milliseconds(until)
        while True:
            page = self._client.filter_log_events(**query)
            yield [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                return
            query["nextToken"] = page["nextToken"]

    def found(
        self, term: str, since: datetime.datetime, until: datetime.datetime, seconds: float
    ) -> tuple[list[str], bool]:
        """Return the lines as `lines` does, and whether all were read within these seconds."""
        deadline = time.monotonic() + seconds
        found: list[str] = []
        for page in self.lines(term, since, until):
            found += page
            if time.monotonic() > deadline:
                return found, False
        return found, True


def _milliseconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)
