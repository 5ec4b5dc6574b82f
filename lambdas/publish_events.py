"""Announce: tell the account's event bus of every task that has ended, and count the ends.

In:  changes of the table of tasks, from its stream; the filter in template.yaml lets only those
     through that ended a task, whoever wrote them: the state machine, the API or reconcile
Out: nothing. If it fails, Lambda gives it the same changes again, half of them at a time: an end
     may be told twice, and `taskId` and `attempt` together say which one it is

A change that can never be published is logged, counted as `UnpublishedEvents` and skipped: the
stream is in order, and would wait at it for a day.
"""

from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import read_item
from darkroom.aws.eventbridge import Bus, EventRefused
from darkroom.events import model as events
from darkroom.runtime.logging import logger
from darkroom.runtime.metrics import count_ended_tasks, count_unpublished
from darkroom.runtime.redaction import redacted_errors
from darkroom.runtime.settings import required

bus = Bus()
stack = required("STACK_NAME")


@redacted_errors()
def handler(event: dict[str, Any], _: Any) -> None:
    """Announce up to ten ends."""
    ended = [item for record in event["Records"] if (item := _read(record["dynamodb"]))]
    if not ended:
        return
    try:
        bus.put([events.entry(item, stack) for item in ended])
    except EventRefused as error:
        if len(ended) > 1:
            raise  # Lambda gives each half again, down to the one that is refused
        _skip(ended[0]["taskId"], error)
        return
    count_ended_tasks(ended)
    for item in ended:
        logger.info("announced", correlation_id=item["taskId"], status=item["status"])


def _read(change: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the item of a task that has ended, or None: it is none."""
    try:
        item = read_item(change["NewImage"])
        events.check(item)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, others are behind it
        _skip(change.get("Keys", {}).get("taskId", {}).get("S"), error)
        return None
    return item


def _skip(task_id: str | None, error: Exception) -> None:
    logger.error(
        "an event cannot be published",
        correlation_id=task_id,
        error=type(error).__name__,
        reason=str(error),
    )
    count_unpublished()
