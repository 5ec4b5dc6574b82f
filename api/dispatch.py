"""Dispatch: start one execution for each message of the queue.

In:  an SQS event; a message's body is an order: `{"taskId", "attempt", "source", "output"}`
Out: `{"batchItemFailures": […]}`: the messages whose start failed; the queue delivers them again,
     and after five receives they are dead letters

A module of its own, apart from the routes, so that it starts without Chalice and pydantic and may
do nothing that the API may.
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
    """Start the execution that one message orders."""
    try:
        order = read_order(record.body)
    except NotATask as error:
        # It would fail five times. Straight to where a person looks.
        logger.warning("a message is no task", messageId=record.message_id, reason=str(error))
        dead_letters.send_to_dlq(record.body, str(error))
        return
    about = {"correlation_id": order["taskId"], "attempt": order["attempt"]}
    try:
        # A batch has one trace, and each message that of the request which sent it.
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
    """Dispatch one batch of messages."""
    answer = process_partial_response(event, dispatch, processor, context)
    return {"batchItemFailures": answer["batchItemFailures"]}
