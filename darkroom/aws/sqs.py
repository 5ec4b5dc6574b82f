"""A queue: every call to SQS."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.aws.clients import client

MAX_MESSAGES = 10
"""The most messages in one request. Together they may have 1 MiB.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""

MAX_DELAY_SECONDS = 900
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


class Queue:
    """One queue."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs = client("sqs")

    def send(self, order: Mapping[str, Any], group: str) -> None:
        """Send the order of a task: see `tasks.model.order`.

        Args:
            order: the content of the message.
            group: its message group, 1 to 128 printable ASCII characters without spaces. SQS
                delivers messages of quiet groups before those of a group with a backlog.
                https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        self._sqs.send_message(
            QueueUrl=self._url, MessageBody=_as_body(order), MessageGroupId=group
        )

    def send_many(self, orders: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> int:
        """Send up to ten orders in one request, and return how many SQS did not accept.

        Args:
            orders: the content of each message, as for `send`.
            groups: the message group of each.
        """
        answer = self._sqs.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(number), "MessageBody": _as_body(order), "MessageGroupId": group}
                for number, (order, group) in enumerate(zip(orders, groups, strict=True))
            ],
        )
        return len(answer.get("Failed", []))

    def send_later(self, body: Mapping[str, Any], group: str | None, seconds: float) -> None:
        """Send a message that is delivered after a delay in seconds, at most 15 minutes.

        Until then it is delayed, and not in flight like a message that is hidden: of those a queue
        has 120,000 at most, and delivers nothing more when it has them.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
        """
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=_as_body(body),
            DelaySeconds=min(math.ceil(seconds), MAX_DELAY_SECONDS),
            **({"MessageGroupId": group} if group else {}),
        )

    def send_to_dlq(self, body: str, reason: str, group: str | None) -> None:
        """Send an unchanged message to a dead-letter queue, with the reason as an attribute.

        Args:
            body: the message.
            reason: why it cannot be processed.
            group: its message group; `None`: it has none.
        """
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            **({"MessageGroupId": group} if group else {}),
        )

    def receive(self, hidden_seconds: int) -> list[dict[str, Any]]:
        """Return up to ten messages, and hide them from other receivers for these seconds."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_seconds
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def show(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Make messages that were received visible again at once."""
        for start in range(0, len(messages), MAX_MESSAGES):
            part = messages[start : start + MAX_MESSAGES]
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": message["ReceiptHandle"],
                        "VisibilityTimeout": 0,
                    }
                    for number, message in enumerate(part)
                ],
            )

    def delete(self, message: Mapping[str, Any]) -> None:
        """Delete a message that was received."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


def _as_body(order: Mapping[str, Any]) -> str:
    return json.dumps(order, separators=(",", ":"))
