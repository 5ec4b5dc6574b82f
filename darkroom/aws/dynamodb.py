"""The table of tasks: every call to DynamoDB that Darkroom makes, in Python's own types.

Numbers come back as `int`: Darkroom stores no fractions. `boto3.resource` would translate, too, but
reads the description of every operation that there is at each cold start.
"""

import datetime
import math
import time
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from darkroom.aws.clients import client

TO_WIRE, FROM_WIRE = TypeSerializer(), TypeDeserializer()
# The parts of requests and answers that hold attributes by their names.
ITEMS = {
    "Attributes",
    "ExclusiveStartKey",
    "ExpressionAttributeValues",
    "Item",
    "Key",
    "LastEvaluatedKey",
}


class Table:
    """One table. Requests and answers are DynamoDB's, but for the attributes' values.

    Every method raises `botocore.exceptions.ClientError`: DynamoDB refused, or a condition failed.
    """

    def __init__(self, name: str) -> None:
        """Make the client; nothing is called yet."""
        self._name = name
        self._dynamodb = client("dynamodb")
        self._ahead = 0.0
        self._dynamodb.meta.events.register("after-call.dynamodb", self._compare_clocks)

    def now(self) -> datetime.datetime:
        """Return the moment by the clock of DynamoDB's last answer, up to a second late, in UTC.

        A function's own clock may be minutes wrong. Before the first answer it is all there is.
        """
        moment = time.time() - self._ahead
        return datetime.datetime.fromtimestamp(moment, datetime.UTC)

    def _compare_clocks(self, http_response: Any, **_: Any) -> None:
        """Note how far ours is ahead: an answer says when it was made (RFC 9110, 6.6.1)."""
        if told := http_response.headers.get("Date"):
            self._ahead = time.time() - parsedate_to_datetime(told).timestamp()

    def put(self, **request: Any) -> None:
        """Write a whole item."""
        self._dynamodb.put_item(TableName=self._name, **_to_wire(request))

    def create(self, item: dict[str, Any], key: str) -> dict[str, Any] | None:
        """Write a new item, or return the one that has its key already and has not expired.

        Args:
            item: it has `expiresAt`.
            key: the name of the attribute that is the table's key.
        """
        try:
            self.put(
                Item=item,
                ConditionExpression=f"attribute_not_exists(#{key}) OR #expiresAt <= :now",
                ExpressionAttributeNames=aliases(key, "expiresAt"),
                ExpressionAttributeValues={":now": int(time.time())},
            )
        except ClientError as error:
            there = self.get({key: item[key]}) if condition_failed(error) else None
            if there is None:
                raise
            return there
        return None

    def get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """Return the item of a key by a consistent read; None: there is none, or it expired."""
        answer = self._dynamodb.get_item(
            TableName=self._name, Key=_serialized(key), ConsistentRead=True
        )
        item = read_item(answer.get("Item", {}))
        return item if item and not expired(item) else None

    def get_many(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items of up to 100 keys that are there and have not expired, in no order."""
        found: list[dict[str, Any]] = []
        request = {self._name: {"Keys": [_serialized(key) for key in keys], "ConsistentRead": True}}
        while request:
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            found += [read_item(item) for item in answer["Responses"].get(self._name, [])]
            request = answer.get("UnprocessedKeys", {})  # more than it would answer at once
        return [item for item in found if not expired(item)]

    def update(self, **request: Any) -> dict[str, Any]:
        """Change an item; return an answer with `Attributes`, if the request asks for them."""
        return _from_wire(self._dynamodb.update_item(TableName=self._name, **_to_wire(request)))

    def query(self, **request: Any) -> dict[str, Any]:
        """Return a page: `Items`, and `LastEvaluatedKey` if there may be more."""
        answer = self._dynamodb.query(TableName=self._name, **_to_wire(request))
        return _from_wire(answer) | {"Items": [read_item(item) for item in answer["Items"]]}


def aliases(*names: str) -> dict[str, str]:
    """Return the ExpressionAttributeNames for attributes: `#status` for `status`.

    Every attribute of an expression has one: `status`, `owner`, `name`, `source`, `result` and
    others are reserved words of DynamoDB.
    """
    return {f"#{name}": name for name in names}


def condition_failed(error: ClientError) -> bool:
    """Whether DynamoDB refused a write for its condition and nothing else."""
    code: str = error.response["Error"]["Code"]
    return code == "ConditionalCheckFailedException"


def expired(item: Mapping[str, Any]) -> bool:
    """Whether an item's `expiresAt`, in seconds since 1970, is past: then it counts as deleted.

    DynamoDB deletes such items within days, and answers reads with them until then
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html).
    """
    return bool(item.get("expiresAt", math.inf) <= time.time())


def read_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item, as DynamoDB writes it, in Python's types."""
    return {name: _integers(FROM_WIRE.deserialize(value)) for name, value in attributes.items()}


def _to_wire(request: Mapping[str, Any]) -> dict[str, Any]:
    return {part: _serialized(value) if part in ITEMS else value for part, value in request.items()}


def _serialized(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TO_WIRE.serialize(entry) for name, entry in value.items()}


def _from_wire(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {part: read_item(value) if part in ITEMS else value for part, value in answer.items()}


def _integers(value: Any) -> Any:
    """Return a value with every Decimal, which is how boto3 reads numbers, as an int."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {key: _integers(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_integers(entry) for entry in value]
    return value
