"""SQS: the name of a message group, and deleting a message again.

Differences from AWS: docs/aws-differences.md, "X-Ray and SQS".
"""

import re
import uuid
from typing import Any

from ministack.services import sqs

from tools.localcloud.emulator.replacing import Function, Patch, replaces

INVALID = "ReceiptHandleIsInvalid"
GROUP = re.compile(r"[!-~]{1,128}")
"""A message group: letters, digits and ASCII punctuation, 128 characters at most."""


@replaces(sqs, "_act_send_message", has='group_id = data.get("MessageGroupId")')
def refuse_an_invalid_group(original: Function, data: dict[str, Any], queue_url: str) -> Any:
    """Refuse a message group with other characters, or more of them, than AWS allows.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    group = data.get("MessageGroupId")
    if group is not None and not GROUP.fullmatch(group):
        message = (
            f"Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can "
            "only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
        raise sqs._Err("InvalidParameterValue", message)
    return original(data, queue_url)


@replaces(sqs, "_act_delete_message", has=INVALID)
def allow_repeated_deletes(original: Function, data: dict[str, Any], queue_url: str) -> Any:
    """DeleteMessage accepts a receipt handle that was used before or that is not the latest one.

    Only a text that is not a receipt handle is invalid. ministack refuses all of these.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    """
    try:
        return original(data, queue_url)
    except sqs._Err as error:
        if error.code != INVALID or not _is_handle(data["ReceiptHandle"]):
            raise
        return {}


@replaces(sqs, "_act_delete_message_batch", has=INVALID)
def allow_repeated_batch_deletes(original: Function, data: dict[str, Any], queue_url: str) -> Any:
    """DeleteMessageBatch accepts the same: see `allow_repeated_deletes`."""
    answer = original(data, queue_url)
    handles = {entry["Id"]: entry.get("ReceiptHandle", "") for entry in data["Entries"]}
    gone = [each for each in answer["Failed"] if _is_handle(handles[each["Id"]])]
    return {
        "Successful": answer["Successful"] + [{"Id": each["Id"]} for each in gone],
        "Failed": [each for each in answer["Failed"] if each not in gone],
    }


@Patch
def use_the_replaced_actions() -> None:
    """Enter the functions into ministack's table of actions."""
    sqs._HANDLERS["SendMessage"] = sqs._act_send_message
    sqs._HANDLERS["DeleteMessage"] = sqs._act_delete_message
    sqs._HANDLERS["DeleteMessageBatch"] = sqs._act_delete_message_batch


def _is_handle(text: str) -> bool:
    """Return whether a text has the form of ministack's receipt handles."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
