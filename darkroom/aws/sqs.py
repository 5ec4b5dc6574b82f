"""A queue: every call to SQS."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from darkroom.aws.clients import client
from darkroom.errors import ServiceUnavailable

MAX_MESSAGES = 10
"""The most messages in one request. Together they may have 1 MiB.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""

MAX_DELAY_SECONDS = 900
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
REFUSED = {"InvalidMessageContents", "InvalidParameterValue"}


class MessageRefused(Exception):
    """Non-retryable: SQS will never accept the message, whose body or group is invalid."""


class Queue:
    """One queue."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs = client("sqs")

    def send(self, order: Mapping[str, Any]) -> None:
        """Send the order of a task: see `tasks.model.order`."""
        self._sqs.send_message(
            QueueUrl=self._url, MessageBody=json.dumps(order, separators=(",", ":"))
        )

    def send_many(self, orders: Sequence[Mapping[str, Any]]) -> int:
        """Send up to ten orders in one request, and return how many SQS did not accept."""
        answer = self._sqs.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(number), "MessageBody": json.dumps(order, separators=(",", ":"))}
                for number, order in enumerate(orders)
            ],
        )
        return len(answer.get("Failed", []))

    def send_in_groups(self, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Send up to ten messages, each with its message group.

        SQS delivers the messages of a group that occupies the receivers after those of the others:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html

        Raises:
            ServiceUnavailable: a message was not accepted. Sending all of them again is harmless,
                if the receiver expects duplicates.
            MessageRefused: SQS will never accept one of the messages.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps(body, separators=(",", ":")),
                "MessageGroupId": group,
            }
            for number, (group, body) in enumerate(messages)
        ]
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                raise MessageRefused(str(error)) from error
            raise
        reasons = {failed["Code"] for failed in answer.get("Failed", [])}
        if reasons & REFUSED:
            raise MessageRefused(f"SQS refused a message: {sorted(reasons & REFUSED)}.")
        if reasons:
            raise ServiceUnavailable(f"SQS did not accept all messages: {sorted(reasons)}.")

    def send_later(self, body: Mapping[str, Any], group: str | None, seconds: float) -> None:
        """Send a message that is delivered after so many seconds, or after 15 minutes if earlier.

        Until then it is delayed, and not in flight like a message that is hidden: of those a queue
        has 120,000 at most, and delivers nothing more when it has them.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
        """
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps(body, separators=(",", ":")),
            DelaySeconds=min(math.ceil(seconds), MAX_DELAY_SECONDS),
            **({"MessageGroupId": group} if group else {}),
        )

    def send_to_dlq(self, body: str, reason: str) -> None:
        """Send an unchanged message to a dead-letter queue, with the reason as an attribute."""
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def receive(self, hidden_seconds: int) -> list[dict[str, Any]]:
        """Return up to ten messages, and hide them from other receivers for so many seconds."""
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
