"""Dispatch: start one execution for each message of the queue.

In:  an SQS event; a message's body is an order: `{"taskId", "attempt", "source", "output"}`
Out: `{"batchItemFailures": […]}`: the messages whose execution did not start; SQS delivers them
     again, and moves them to the dead-letter queue after five receives

It is separate from the routes: it starts without Chalice and pydantic, and it has none of the
API's permissions.
"""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.runtime.logging import logger
from darkroom.runtime.settings import required
from darkroom.tasks.messages import NotATask, read_order
from darkroom.tasks.model import execution_name

machine = StateMachine(required("STATE_MACHINE_ARN"))
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
        machine.start(
            execution_name(order["taskId"], order["attempt"]),
            order,
            record.attributes.aws_trace_header,
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("not started", error=type(error).__name__, reason=str(error), **about)
        raise
    logger.info("started", **about)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Dispatch one SQS batch of messages."""
    response = process_partial_response(event, dispatch, processor, context)
    return {"batchItemFailures": response["batchItemFailures"]}
