"""Search a log group of CloudWatch Logs."""

import datetime
from typing import Any

from darkroom.cli.stack import Stack

MARGIN = datetime.timedelta(minutes=1)
"""The search starts this much earlier, because clocks differ."""


def search(
    stack: Stack,
    group: str,
    term: str,
    since: datetime.datetime,
    until: datetime.datetime | None,
) -> list[str]:
    """Return the messages that contain a term, in a period.

    Raises:
        BotoCoreError, ClientError: the log group cannot be read.
    """
    query: dict[str, Any] = {
        "logGroupName": group,
        "startTime": _milliseconds(since - MARGIN),
        # A term with characters other than letters, digits and _ must be quoted:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
        "filterPattern": f'"{term}"',
    }
    if until:
        query["endTime"] = _milliseconds(until)
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(**query)
    return [event["message"] for page in pages for event in page["events"]]


def _milliseconds(time: datetime.datetime) -> int:
    return int(time.timestamp() * 1000)
