"""In which units AWS counts what was called: of DynamoDB, SQS and EventBridge.

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
# That DynamoDB keeps beside each list or map, and beside each of its elements.
NESTED_BYTES, ELEMENT_BYTES = 3, 1

Item = Mapping[str, Mapping[str, Any]]
"""An item as the wire has it: `{"taskId": {"S": "5b0c…"}}`."""


@dataclass(frozen=True)
class Index:
    """A global secondary index.

    Attributes:
        keys: its own key's attributes; an item without one of them is not in it.
        projected: the attributes that it holds, the table's key among them; None: all.
    """

    keys: tuple[str, ...]
    projected: frozenset[str] | None

    def entry(self, item: Item) -> Item:
        """Return what the index holds of an item, {} if the item is not in it."""
        if any(key not in item for key in self.keys):
            return {}
        held = self.projected
        return item if held is None else {k: v for k, v in item.items() if k in held}


@dataclass(frozen=True)
class Table:
    """A table that functions write to.

    Attributes:
        prefix: before the names that its units are told under, where there are several tables.
        key: the attribute that its items are known by.
        indexes: by their names.
    """

    prefix: str
    key: str
    indexes: Mapping[str, Index]


def table_of(description: Mapping[str, Any]) -> dict[str, Index]:
    """Return the indexes of a table by their names, from `DescribeTable`'s answer."""
    table_key = [part["AttributeName"] for part in description["KeySchema"]]
    indexes = {}
    for index in description.get("GlobalSecondaryIndexes", []):
        keys = tuple(part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        more = projection.get("NonKeyAttributes", [])
        everything = projection["ProjectionType"] == "ALL"
        held = None if everything else frozenset([*table_key, *keys, *more])
        indexes[index["IndexName"]] = Index(keys, held)
    return indexes


def item_bytes(item: Item) -> int:
    """Return the bytes of an item: of its names and its values."""
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
            raise ValueError(f"No item of ours has a value of the type {kind}.")


def write_units(old: Item, new: Item, indexes: Mapping[str, Index]) -> dict[str, int]:
    """Return the write units of one change by where they are spent: the table's under "table".

    Args:
        old: the item before, {} if there was none.
        new: the item after, {} if it was deleted.
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
        # An entry cannot move: one is deleted, another put.
        return _units(item_bytes(old), WRITE_BYTES) + _units(item_bytes(new), WRITE_BYTES)
    return _units(max(item_bytes(old), item_bytes(new)), WRITE_BYTES)


def read_units(items: Iterable[Item], *, consistent: bool) -> float:
    """Return the read units of one GetItem or Query that read these items."""
    units = _units(sum(map(item_bytes, items)), READ_BYTES)
    return float(units) if consistent else units / 2


def message_units(size: int) -> int:
    """Return the requests that one message or event of so many bytes is billed as."""
    return _units(size, MESSAGE_BYTES)


def _units(size: int, each: int) -> int:
    return max(1, math.ceil(size / each))
