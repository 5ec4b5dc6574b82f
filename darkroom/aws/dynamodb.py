"""Every call to DynamoDB, with attributes as plain Python values.

Numbers are returned as `int`, because Darkroom stores no fractions. `boto3.resource` would also
convert values, but it loads the description of every operation at each cold start.
"""

import datetime
import math
import re
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from darkroom.aws.clients import client

TO_WIRE, FROM_WIRE = TypeSerializer(), TypeDeserializer()


class ConditionFailed(Exception):
    """DynamoDB refused a write, because its condition does not hold."""

    def __init__(self, item: dict[str, Any]) -> None:
        """Keep the item that the condition saw, {} if it did not exist."""
        super().__init__()
        self.item = item


class TransactionRefused(Exception):
    """DynamoDB refused all writes of a transaction, because of at least one of them."""

    def __init__(self, reasons: Sequence[str]) -> None:
        """Take the code of each write: `None`, `ConditionalCheckFailed`, `TransactionConflict`.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        super().__init__(", ".join(reasons))
        self.reasons = list(reasons)


Write = dict[str, Any]
"""One write of a transaction, as TransactWriteItems takes it: made by the methods of `Table`."""


class Table:
    """One table. Requests and responses are those of DynamoDB, except for attribute values.

    Every method raises `botocore.exceptions.ClientError` if DynamoDB refuses the call.
    """

    def __init__(self, name: str, dynamodb: Any = None) -> None:
        """Take the name of the table and, outside of functions, a boto3 client of DynamoDB."""
        self._name = name
        self._dynamodb = dynamodb or client("dynamodb")
        self._seconds_ahead = 0.0
        self._dynamodb.meta.events.register("after-call.dynamodb", self._compare_clocks)

    def now(self) -> datetime.datetime:
        """Return the present time in UTC by the clock of DynamoDB, up to a second late.

        The clock of a function may be wrong by minutes. It is used until DynamoDB has answered.
        """
        seconds = time.time() - self._seconds_ahead
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)

    def _compare_clocks(self, http_response: Any, **_: Any) -> None:
        """Compare our clock with the time at which DynamoDB answered (RFC 9110, 6.6.1)."""
        if date := http_response.headers.get("Date"):
            self._seconds_ahead = time.time() - parsedate_to_datetime(date).timestamp()

    def create(self, item: dict[str, Any], key: str) -> dict[str, Any] | None:
        """Store a new item, or return the existing item of the same key if it has not expired.

        Args:
            item: the item, with `expiresAt`.
            key: the name of the table's key attribute.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._name,
                Item=_serialized(item),
                ConditionExpression=f"attribute_not_exists(#{key}) OR #expiresAt <= :now",
                ExpressionAttributeNames=aliases(key, "expiresAt"),
                ExpressionAttributeValues=_serialized({":now": int(time.time())}),
            )
        except ClientError as error:
            existing = self.get({key: item[key]}) if _condition_failed(error) else None
            if existing is None:
                raise
            return existing
        return None

    def get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """Return an item by a consistent read; None if it does not exist or has expired."""
        answer = self._dynamodb.get_item(
            TableName=self._name, Key=_serialized(key), ConsistentRead=True
        )
        item = read_item(answer.get("Item", {}))
        return item if item and not expired(item) else None

    def get_many(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items of up to 100 keys that exist and have not expired, in any order."""
        found: list[dict[str, Any]] = []
        request = {self._name: {"Keys": [_serialized(key) for key in keys], "ConsistentRead": True}}
        while request:
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            found += [read_item(item) for item in answer["Responses"].get(self._name, [])]
            request = answer.get("UnprocessedKeys", {})  # one response has a maximum size
        return [item for item in found if not expired(item)]

    def change(
        self,
        key: dict[str, Any],
        changes: Mapping[str, Any],
        condition: str,
        values: Mapping[str, Any],
        remove: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Set and remove attributes of an item, and return the item after that.

        Args:
            key: the key of the item.
            changes: the attributes to set.
            condition: the ConditionExpression, in which `#status` names the attribute `status`.
            values: the values that the condition names.
            remove: the attributes to remove.

        Raises:
            ConditionFailed: the condition does not hold.
        """
        update = f"SET {', '.join(f'#{name} = :new_{name}' for name in changes)}"
        if remove:
            update += f" REMOVE {', '.join(f'#{name}' for name in remove)}"
        bound = {f":new_{name}": value for name, value in changes.items()}
        try:
            answer = self._dynamodb.update_item(
                TableName=self._name,
                Key=_serialized(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=aliases(
                    *changes, *remove, *re.findall(r"#(\w+)", condition)
                ),
                ExpressionAttributeValues=_serialized({**bound, **values}),
                ReturnValues="ALL_NEW",
                # The item that the condition saw. A later read may differ.
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise
            raise ConditionFailed(read_item(error.response.get("Item", {}))) from error
        return read_item(answer["Attributes"])

    def store(self, key: dict[str, Any], name: str, value: Any) -> None:
        """Set one attribute of an item, which is created if it does not exist."""
        self._dynamodb.update_item(
            TableName=self._name,
            Key=_serialized(key),
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues=_serialized({":value": value}),
        )

    def add(self, key: dict[str, Any], name: str, number: int, **others: Any) -> None:
        """Add a number to an attribute and set others; the item is created if it does not exist."""
        sets = ", ".join(f"#{other} = :{other}" for other in others)
        values = {f":{attribute}": value for attribute, value in (*others.items(), (name, number))}
        self._dynamodb.update_item(
            TableName=self._name,
            Key=_serialized(key),
            UpdateExpression=f"ADD #{name} :{name}" + (f" SET {sets}" if sets else ""),
            ExpressionAttributeNames=aliases(name, *others),
            ExpressionAttributeValues=_serialized(values),
        )

    def delete(self, key: dict[str, Any], condition: str = "", **values: Any) -> bool:
        """Delete an item, and return whether the condition held; `delete_of` describes it."""
        try:
            self._dynamodb.delete_item(**self.delete_of(key, condition, **values)["Delete"])
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return False
        return True

    def put_of(self, item: dict[str, Any]) -> Write:
        """Return the write that stores an item, in place of any other of its key."""
        return {"Put": {"TableName": self._name, "Item": _serialized(item)}}

    def delete_of(self, key: dict[str, Any], condition: str = "", **values: Any) -> Write:
        """Return the write that deletes an item if the condition holds: `#name = :name`."""
        return {"Delete": self._conditional(key, condition, values)}

    def add_of(
        self, key: dict[str, Any], name: str, number: int, condition: str, **values: Any
    ) -> Write:
        """Return the write that adds a number to an attribute of an item under a condition."""
        update = self._conditional(key, condition, {**values, f"{name}_change": number}, name)
        return {"Update": {**update, "UpdateExpression": f"ADD #{name} :{name}_change"}}

    def _conditional(
        self, key: dict[str, Any], condition: str, values: Mapping[str, Any], *names: str
    ) -> Write:
        request: Write = {"TableName": self._name, "Key": _serialized(key)}
        if condition:
            request["ConditionExpression"] = condition
        if used := {*names, *re.findall(r"#(\w+)", condition)}:
            request["ExpressionAttributeNames"] = aliases(*sorted(used))
        if values:
            bound = {f":{name}": value for name, value in values.items()}
            request["ExpressionAttributeValues"] = _serialized(bound)
        return request

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all these writes, or none. They may belong to several tables.

        Raises:
            TransactionRefused: a condition does not hold, or another transaction is in the way.
        """
        try:
            self._dynamodb.transact_write_items(TransactItems=list(writes))
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = error.response["CancellationReasons"]
            raise TransactionRefused([reason["Code"] for reason in reasons]) from error

    def query(self, **request: Any) -> dict[str, Any]:
        """Return a page: `Items`, and `LastEvaluatedKey` if there may be more."""
        for part in {"ExclusiveStartKey", "ExpressionAttributeValues"} & request.keys():
            request[part] = _serialized(request[part])
        page: dict[str, Any] = self._dynamodb.query(TableName=self._name, **request)
        page["Items"] = [read_item(item) for item in page["Items"]]
        if "LastEvaluatedKey" in page:
            page["LastEvaluatedKey"] = read_item(page["LastEvaluatedKey"])
        return page


def aliases(*names: str) -> dict[str, str]:
    """Return ExpressionAttributeNames: `#status` for `status`, and so on.

    Every attribute in an expression has an alias, because `status`, `owner`, `name`, `source`,
    `result` and others are reserved words of DynamoDB.
    """
    return {f"#{name}": name for name in names}


def _condition_failed(error: ClientError) -> bool:
    """Whether DynamoDB refused a write because its condition was not met."""
    code: str = error.response["Error"]["Code"]
    return code == "ConditionalCheckFailedException"


def expired(item: Mapping[str, Any]) -> bool:
    """Whether an item's `expiresAt`, in seconds since 1970, has passed. It then counts as deleted.

    DynamoDB deletes expired items within days, and returns them until then
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html).
    """
    return bool(item.get("expiresAt", math.inf) <= time.time())


def read_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an item from the format of DynamoDB to plain Python values."""
    return {name: _integers(FROM_WIRE.deserialize(value)) for name, value in attributes.items()}


def _serialized(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TO_WIRE.serialize(entry) for name, entry in value.items()}


def _integers(value: Any) -> Any:
    """Return a value with every Decimal, the type that boto3 uses for numbers, as an int."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {key: _integers(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_integers(entry) for entry in value]
    return value
