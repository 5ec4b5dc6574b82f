"""Announce: publish an event for every task that has ended, queue its webhook, write its metrics.

In:  changes of the task table, from its stream. The filter in template.yaml only passes those that
     ended a task, whether the state machine, the API or reconcile wrote them
Out: nothing. If the function fails, Lambda passes the same changes again, in halves. So an event
     may be published twice, and a webhook queued twice; `taskId` and `attempt` identify both

A change that can never be published is logged, counted as `UnpublishedEvents` and skipped. It would
block the stream for a day otherwise, because a stream is read in order.

The function queues webhooks itself, and no rule of EventBridge does, because a rule cannot set a
message group. The group is the caller, so that a caller with slow receivers delays its own webhooks
only: docs/events.md.
"""

from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import read_item
from darkroom.aws.eventbridge import Bus, EventRefused
from darkroom.aws.sqs import Queue
from darkroom.errors import ServiceUnavailable
from darkroom.events import model as events
from darkroom.runtime.logging import logger
from darkroom.runtime.metrics import count_ended_tasks, count_unpublished
from darkroom.runtime.redaction import redacted_errors
from darkroom.runtime.settings import required
from darkroom.tasks.model import message_group

bus = Bus()
callbacks = Queue(required("CALLBACK_QUEUE_URL"))
stack = required("STACK_NAME")


@redacted_errors()
def handler(event: dict[str, Any], _: Any) -> None:
    """Publish the events of up to ten tasks, and queue the webhooks of those that want one."""
    ended = [item for record in event["Records"] if (item := _read(record["dynamodb"]))]
    if not ended:
        return
    published = _published(ended)
    wanted = [item for item in ended if "callbackUrl" in item]
    orders = [events.webhook_order(item) for item in wanted]
    if wanted and callbacks.send_many(orders, [message_group(item) for item in wanted]):
        raise ServiceUnavailable("SQS did not accept all messages.")
    if not published:
        return
    count_ended_tasks(ended)
    for item in ended:
        logger.info("event published", correlation_id=item["taskId"], status=item["status"])


def _published(ended: list[dict[str, Any]]) -> bool:
    """Publish the events of these tasks; return False if EventBridge will never accept them."""
    try:
        bus.put([events.entry(item, stack) for item in ended])
    except EventRefused as error:
        if len(ended) > 1:
            raise  # Lambda passes each half again, until the refused one is alone
        _skip(ended[0]["taskId"], error)
        return False
    return True


def _read(change: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the item of a task that has ended, or None if it cannot be published."""
    try:
        item = read_item(change["NewImage"])
        events.check(item)
    except Exception as error:  # noqa: BLE001 - no invalid item may block the stream
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
