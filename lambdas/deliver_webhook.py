"""Callback: deliver the webhook of one task that has ended.

In:  an SQS event with one message, whose body is `{"detail": {"taskId": "5b0c…", "attempt": 1}}`
Out: `{"batchItemFailures": […]}`: contains the message if the delivery has to be retried. After
     `CallbackTries` tries the message moves to the dead-letter queue. The outcome of the last try
     is stored in the attribute `delivery` of the task; nothing else changes
"""

import json
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.kms import Secrets
from darkroom.aws.sqs import Queue
from darkroom.events.webhooks import deliver, retry_delay
from darkroom.runtime.logging import logger
from darkroom.runtime.metrics import count_webhook
from darkroom.runtime.redaction import redacted_errors
from darkroom.runtime.settings import Settings, required
from darkroom.tasks.store import TaskStore

settings = Settings.from_environment()
store = TaskStore(Table(settings.table_name), settings.retention_days)
queue = Queue(required("CALLBACK_QUEUE_URL"))
secrets = Secrets(required("WEBHOOK_KEY_ID"))
first_delay = int(required("CALLBACK_RETRY_SECONDS"))
max_tries = int(required("CALLBACK_TRIES"))


@redacted_errors()
def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """Deliver one webhook."""
    (record,) = event["Records"]
    ended = json.loads(record["body"])["detail"]
    task_id, attempt = ended["taskId"], ended["attempt"]
    task = store.get(task_id)
    if task is None or task["attempt"] != attempt or "callbackUrl" not in task:
        # The task has expired, or a retry has begun, whose attempt gets its own webhook.
        logger.info("nothing to deliver", correlation_id=task_id, attempt=attempt)
        return {"batchItemFailures": []}
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    delivery = deliver(
        task, secrets.of(task["owner"]), allow_private=settings.allow_private_sources
    )
    store.record_delivery(task_id, attempt, delivery.item(tries))
    logger.info(
        "delivered" if delivery.delivered else "not delivered",
        correlation_id=task_id,
        tries=tries,
        status=delivery.status,
        reason=delivery.message,
    )
    retry = not delivery.final and tries < max_tries
    count_webhook("Delivered" if delivery.delivered else "Retried" if retry else "GivenUp")
    if delivery.final:
        return {"batchItemFailures": []}
    # After the last try 0: SQS moves a message to the dead-letter queue at its next receive.
    queue.hide(record["receiptHandle"], retry_delay(tries, first_delay) if retry else 0)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
