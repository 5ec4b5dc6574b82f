"""A queue: every call to SQS that Darkroom makes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.aws.clients import client

MOST_MESSAGES = 10
"""Of one request, with 1 MiB together:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""


class Queue:
    """One queue."""

    def __init__(self, url: str) -> None:
        """Make the client; nothing is called yet."""
        self._url = url
        self._sqs = client("sqs")

    def send(self, order: Mapping[str, Any]) -> None:
        """Send the order for one execution: see `tasks.model.order`."""
        self._sqs.send_message(
            QueueUrl=self._url, MessageBody=json.dumps(order, separators=(",", ":"))
        )

    def send_many(self, orders: Sequence[Mapping[str, Any]]) -> int:
        """Send up to ten orders in one request; return how many were not taken."""
        answer = self._sqs.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(number), "MessageBody": json.dumps(order, separators=(",", ":"))}
                for number, order in enumerate(orders)
            ],
        )
        return len(answer.get("Failed", []))

    def send_to_dlq(self, body: str, reason: str) -> None:
        """Send a message as it came, with the reason beside it: for a dead-letter queue."""
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def receive(self, hidden_seconds: int) -> list[dict[str, Any]]:
        """Return up to ten messages, which nobody else gets for so many seconds."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_seconds
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def hide(self, receipt: str, seconds: int) -> None:
        """Hide a message that was received, so that it comes again after so many seconds."""
        self._sqs.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    def show(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Let messages that were received be received again at once."""
        for start in range(0, len(messages), MOST_MESSAGES):
            part = messages[start : start + MOST_MESSAGES]
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
