"""The units in which AWS bills calls of DynamoDB, SQS and EventBridge.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html (write considerations)
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KIB = 1024
WRITE_BYTES, READ_BYTES = KIB, 4 * KIB
MESSAGE_BYTES = 64 * KIB
# DynamoDB's overhead for each list or map, and for each of its elements.
NESTED_BYTES, ELEMENT_BYTES = 3, 1

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's JSON: `{"taskId": {"S": "5b0c…"}}`."""


@dataclass(frozen=True)
class Index:
    """A global secondary index.

    Attributes:
        keys: the attributes of its key; it has no entry for an item without one of them.
        projected: the attributes of its entries, with the table's key; None: all.
    """

    keys: tuple[str, ...]
    projected: frozenset[str] | None

    def entry(self, item: Item) -> Item:
        """Return the index entry of an item; {} if it has none."""
        if any(key not in item for key in self.keys):
            return {}
        projected = self.projected
        return item if projected is None else {k: v for k, v in item.items() if k in projected}


@dataclass(frozen=True)
class Table:
    """A table that functions write to.

    Attributes:
        prefix: of the names of its units, to distinguish several tables.
        key: the attribute of its primary key.
        indexes: by name.
    """

    prefix: str
    key: str
    indexes: Mapping[str, Index]


def table_of(description: Mapping[str, Any]) -> dict[str, Index]:
    """Return the indexes of a table by name, from the response of `DescribeTable`."""
    table_key = [part["AttributeName"] for part in description["KeySchema"]]
    indexes = {}
    for index in description.get("GlobalSecondaryIndexes", []):
        keys = tuple(part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        more = projection.get("NonKeyAttributes", [])
        everything = projection["ProjectionType"] == "ALL"
        projected = None if everything else frozenset([*table_key, *keys, *more])
        indexes[index["IndexName"]] = Index(keys, projected)
    return indexes


def item_bytes(item: Item) -> int:
    """Return the bytes of an item: its attribute names and values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-").replace(".", "")) / 2) + 1
        case "BOOL" | "NULL":
            return 1
        case "M":
            nested = sum(
                len(k.encode()) + _value_bytes(v) + ELEMENT_BYTES for k, v in content.items()
            )
            return NESTED_BYTES + nested
        case "L":
            return NESTED_BYTES + sum(_value_bytes(v) + ELEMENT_BYTES for v in content)
        case _:
            raise ValueError(f"The bench cannot count a value of type {kind}.")


def write_units(old: Item, new: Item, indexes: Mapping[str, Index]) -> dict[str, int]:
    """Return the write units of one change by index; "table" is the table itself.

    Args:
        old: the item before; {} if it did not exist.
        new: the item after; {} if it was deleted.
        indexes: of the table.
    """
    units = {"table": _units(max(item_bytes(old), item_bytes(new)), WRITE_BYTES)}
    for name, index in indexes.items():
        units[name] = _index_units(index.entry(old), index.entry(new), index.keys)
    return units


def _index_units(old: Item, new: Item, keys: tuple[str, ...]) -> int:
    if old == new:
        return 0
    if old and new and any(old[key] != new[key] for key in keys):
        # A change of the key deletes one entry and puts another.
        return _units(item_bytes(old), WRITE_BYTES) + _units(item_bytes(new), WRITE_BYTES)
    return _units(max(item_bytes(old), item_bytes(new)), WRITE_BYTES)


def read_units(items: Iterable[Item], *, consistent: bool) -> float:
    """Return the read units of one GetItem or Query that returned these items."""
    units = _units(sum(map(item_bytes, items)), READ_BYTES)
    return float(units) if consistent else units / 2


def message_units(size: int) -> int:
    """Return the number of requests that one message or event of this size is billed as."""
    return _units(size, MESSAGE_BYTES)


def _units(size: int, each: int) -> int:
    return max(1, math.ceil(size / each))
