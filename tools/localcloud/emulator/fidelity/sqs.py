"""SQS: deleting a message again.

Differences from AWS: docs/aws-differences.md, "X-Ray and SQS".
"""

import uuid
from typing import Any

from ministack.services import sqs

from tools.localcloud.emulator.replacing import Function, Patch, replace

INVALID = "ReceiptHandleIsInvalid"


@Patch
def allow_repeated_deletes() -> None:
    """DeleteMessage accepts a receipt handle that was used before or that is not the latest one.

    Only a text that is no receipt handle is invalid. ministack refuses all of these.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    """

    def delete(original: Function) -> Function:
        def repeatable(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
            try:
                answer: dict[str, Any] = original(data, queue_url)
            except sqs._Err as error:
                if error.code != INVALID or not _is_handle(data["ReceiptHandle"]):
                    raise
                return {}
            return answer

        return repeatable

    def delete_batch(original: Function) -> Function:
        def repeatable(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
            answer = original(data, queue_url)
            handles = {entry["Id"]: entry.get("ReceiptHandle", "") for entry in data["Entries"]}
            gone = [each for each in answer["Failed"] if _is_handle(handles[each["Id"]])]
            return {
                "Successful": answer["Successful"] + [{"Id": each["Id"]} for each in gone],
                "Failed": [each for each in answer["Failed"] if each not in gone],
            }

        return repeatable

    for name, action, around in (
        ("_act_delete_message", "DeleteMessage", delete),
        ("_act_delete_message_batch", "DeleteMessageBatch", delete_batch),
    ):
        replace(sqs, name, around, has=INVALID)
        sqs._HANDLERS[action] = getattr(sqs, name)


def _is_handle(text: str) -> bool:
    """Return whether a text has the form of ministack's receipt handles."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
