"""Callback: deliver the webhook of one task that has ended.

In:  an SQS event with one message, whose body is `{"detail": {"taskId": "5b0c…", "attempt": 1}}`.
     That of a webhook which was tried before also has `"tries": 2, "notBefore": 1764131073`, the
     number of tries so far and the time of the next one, in seconds since 1970
Out: `{"batchItemFailures": []}`. If the delivery has to be tried again, the function sends the
     message again with a delay, so that it is not in flight: `Queue.send_later`. After
     `CallbackTries` tries it sends the message to the dead-letter queue. The outcome of the last
     try is stored in the attribute `delivery` of the task; nothing else changes
"""

import datetime
import json
import time
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.kms import Secrets
from darkroom.aws.sqs import Queue
from darkroom.events.webhooks import deliver, retry_delay
from darkroom.runtime.logging import logger
from darkroom.runtime.metrics import count_webhook
from darkroom.runtime.redaction import redacted_errors
from darkroom.runtime.settings import Settings, required
from darkroom.tasks.model import message_group
from darkroom.tasks.secret_versions import SecretVersions
from darkroom.tasks.store import TaskStore

settings = Settings.from_environment()
table = Table(settings.table_name)
store = TaskStore(table, settings.retention_days)
versions = SecretVersions(table)
queue = Queue(required("CALLBACK_QUEUE_URL"))
dead_letters = Queue(required("CALLBACK_DEAD_LETTER_QUEUE_URL"))
secrets = Secrets(required("WEBHOOK_KEY_ID"))
first_delay = int(required("CALLBACK_RETRY_SECONDS"))
max_tries = int(required("CALLBACK_TRIES"))
DONE: dict[str, Any] = {"batchItemFailures": []}


@redacted_errors()
def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """Deliver one webhook."""
    (record,) = event["Records"]
    order, attributes = json.loads(record["body"]), record["attributes"]
    if (early := order.get("notBefore", 0) - time.time()) > 0:
        # SQS delays a message for 15 minutes at most.
        queue.send_later(order, attributes.get("MessageGroupId"), early)
        return DONE
    task_id, attempt = order["detail"]["taskId"], order["detail"]["attempt"]
    task = store.get(task_id)
    if task is None or task["attempt"] != attempt or "callbackUrl" not in task:
        # The task has expired or was deleted, or a retry has begun, whose attempt gets its own one.
        logger.info("nothing to deliver", correlation_id=task_id, attempt=attempt)
        return DONE
    # A try that ended the function counts, too: SQS delivered its message again.
    tries = order.get("tries", 0) + int(attributes["ApproximateReceiveCount"])
    owner = task["owner"]
    # Read each time: a rotation has an effect on the next webhook.
    signing = versions.of(owner, datetime.datetime.now(datetime.UTC)).signing
    delivery = deliver(
        task,
        [secrets.of(owner, version) for version in signing],
        allow_private=settings.allow_private_sources,
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
    again = {"detail": {"taskId": task_id, "attempt": attempt}}
    if retry:
        delay = retry_delay(tries, first_delay)
        later = again | {"tries": tries, "notBefore": int(time.time()) + delay}
        queue.send_later(later, message_group(task), delay)
    elif not delivery.final:
        # Without its tries: if somebody moves it back, it is tried as often as a new one.
        reason = delivery.message or "not delivered"
        dead_letters.send_to_dlq(json.dumps(again), reason, message_group(task))
    return DONE
