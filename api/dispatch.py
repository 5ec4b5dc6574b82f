"""Dispatch: start one execution for each message of the queue, at a pace that the account allows.

In:  an SQS event; a message's body is an order: `{"taskId", "attempt", "source", "output"}`
Out: `{"batchItemFailures": […]}`: the messages whose execution did not start; SQS delivers them
     again, and moves them to the dead-letter queue after a hundred receives

It is separate from the routes: it starts without Chalice and pydantic, and it has none of the
API's permissions.
"""

from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.dynamodb import Table
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.runtime.logging import logger
from darkroom.runtime.settings import Settings, required
from darkroom.tasks.dispatcher import Dispatcher
from darkroom.tasks.messages import NotATask, read_order


@cache
def tasks() -> Table:
    """Return the table of tasks. Its client is created after the first starts, not before."""
    return Table(Settings.from_environment().table_name)


dispatcher = Dispatcher(StateMachine(required("STATE_MACHINE_ARN")), tasks)
dead_letters = Queue(required("DEAD_LETTER_QUEUE_URL"))
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def dispatch(record: SQSRecord) -> None:
    """Start the execution for one message."""
    try:
        order = read_order(record.body)
    except NotATask as error:
        # A retry would fail in the same way: it goes to the dead-letter queue without one.
        logger.warning("a message is not a task", messageId=record.message_id, reason=str(error))
        group = record.attributes.message_group_id
        dead_letters.send_to_dlq(record.body, str(error), group)
        return
    about = {"correlation_id": order["taskId"], "attempt": order["attempt"]}
    try:
        # The SQS event has one trace; each message has the trace of the request that sent it.
        dispatcher.start(order, record.attributes.aws_trace_header)
    except (BotoCoreError, ClientError) as error:
        logger.warning("not started", error=type(error).__name__, reason=str(error), **about)
        raise
    logger.info("started", **about)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Dispatch one SQS batch of messages."""
    dispatcher.begin()
    # The single message of a caller does not wait for those of another caller's million.
    groups = Counter(map(_group, event["Records"]))
    records = sorted(event["Records"], key=lambda record: groups[_group(record)])
    answer = process_partial_response({"Records": records}, dispatch, processor, context)
    if returned := len(answer["batchItemFailures"]):
        logger.info("messages returned", messages=returned, startsPerSecond=dispatcher.rate)
    dispatcher.adapt()
    return {"batchItemFailures": answer["batchItemFailures"]}


def _group(record: dict[str, Any]) -> str:
    """Return the message group of a message. A message without a group forms a separate group."""
    group: str = record["attributes"].get("MessageGroupId", record["messageId"])
    return group
