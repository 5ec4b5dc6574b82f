"""The API key with which an operator's commands call the API of a stack."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.cli import aws
from darkroom.runtime.clock import timestamp
from darkroom.tasks import callers as rules


def operators_key(outputs: Mapping[str, str], gateway: Any, dynamodb: Any) -> str:
    """Return the key of the template, or if it was revoked, the newest key of the same caller.

    Without permission to read the table it is the key of the template in any case.

    Args:
        outputs: of the stack.
        gateway: a boto3 client of API Gateway.
        dynamodb: a boto3 client of DynamoDB.

    Raises:
        BotoCoreError, ClientError: the key of the template cannot be read.
    """
    key_id = outputs["ApiKeyId"]
    if name := outputs.get("TableName"):
        with suppress(*aws.AwsError):
            key_id = _newest(key_id, Table(name, dynamodb))
    value: str = gateway.get_api_key(apiKey=key_id, includeValue=True)["value"]
    return value


def _newest(key_id: str, table: Table) -> str:
    """Return a key, or if it has ended, the newest key of its caller that has not."""
    now = timestamp()
    record = table.get(rules.key_item(key_id)) or {}
    if not rules.has_ended(record, now):
        return key_id
    caller = table.get(rules.caller_item(record.get("caller", ""))) or {"keys": []}
    for other in reversed(caller["keys"]):
        if not rules.has_ended(table.get(rules.key_item(other)) or {}, now):
            return str(other)
    return key_id
