"""Count calls and log lines in the units that AWS bills."""

import collections
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tools.bench.billing import units
from tools.bench.billing.wire import Call

# CloudWatch adds these bytes to each line:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LINE_BYTES = 26
# The JSON lines that Lambda itself writes for an invocation; the local cloud writes text instead:
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
PLATFORM_LINES = (
    {
        "time": "2026-11-25T13:31:46.120Z",
        "type": "platform.start",
        "record": {"requestId": "64f521d5-e4cc-497c-9cc6-89de8d27d30a", "version": "$LATEST"},
    },
    {
        "time": "2026-11-25T13:31:46.150Z",
        "type": "platform.report",
        "record": {
            "requestId": "64f521d5-e4cc-497c-9cc6-89de8d27d30a",
            "metrics": {
                "durationMs": 29.141,
                "billedDurationMs": 30,
                "memorySizeMB": 256,
                "maxMemoryUsedMB": 85,
            },
            "tracing": {
                "spanId": "54565fb41ac79632",
                "type": "X-Amzn-Trace-Id",
                "value": f"Root=1-62e900b2-{0:024x};Parent={0:016x};Sampled=1",
            },
            "status": "success",
        },
    },
)
STARTED = "START "
TEXT_LINES = (STARTED, "END ", "REPORT ")


Json = dict[str, Any]


@dataclass(frozen=True)
class Capacity:
    """The DynamoDB capacity that calls used.

    Attributes:
        writes: write units by index; "table" is the table itself. Names have the table's prefix.
        reads: read units.
        kept_bytes: bytes at the end, of the written items and of their entries in indexes.
    """

    writes: dict[str, int]
    reads: float
    kept_bytes: int


def capacity(calls: Iterable[Call], tables: Mapping[str, units.Table]) -> Capacity:
    """Return the capacity that calls used; `tables` are by name.

    Raises:
        ValueError: a function called an operation that is not counted here.
    """
    writes: collections.Counter[str] = collections.Counter()
    reads = 0.0
    items: dict[tuple[str, str], units.Item] = {}
    for call in calls:
        if call.service != "dynamodb":
            continue
        sent, got = json.loads(call.request), json.loads(call.response)
        for name, known, new, times in _writes(call.operation, sent, got):
            table = tables[name]
            key = name, known[table.key]["S"]
            old = items.get(key, {})
            if call.status == HTTPStatus.OK:
                items[key] = old if new is None else new
            # A write whose condition fails is billed by the size of the existing item.
            spent = units.write_units(old, items.get(key, old), table.indexes)
            writes.update({f"{table.prefix}{index}": times * n for index, n in spent.items()})
        reads += _reads(call.operation, sent, got)
    kept = sum(
        units.item_bytes(held)
        for (name, _), item in items.items()
        for held in (item, *(index.entry(item) for index in tables[name].indexes.values()))
    )
    return Capacity(dict(writes), reads, kept)


def _writes(operation: str, sent: Json, got: Json) -> Iterator[tuple[str, Json, Json | None, int]]:
    """Yield what a call writes.

    Yields:
        The table; the key or the whole item; the item afterwards, {} if it is deleted and None if
        that is not known; and how many times the usual units it costs.
    """
    match operation:
        case "PutItem" | "UpdateItem":
            new = sent.get("Item") or got.get("Attributes")
            yield sent["TableName"], new or sent["Key"], new, 1
        case "DeleteItem":
            yield sent["TableName"], sent["Key"], {}, 1
        case "TransactWriteItems":
            for part in sent["TransactItems"]:
                for kind, write in part.items():
                    new = {} if kind == "Delete" else write.get("Item")
                    yield write["TableName"], write.get("Item") or write["Key"], new, 2


def _reads(operation: str, sent: Json, got: Json) -> float:
    """Return the read units of a call."""
    match operation:
        case "GetItem":
            consistent = sent.get("ConsistentRead", False)
            return units.read_units([got.get("Item", {})], consistent=consistent)
        case "BatchGetItem":
            # The units of each item are rounded up separately.
            return sum(
                units.read_units(
                    [item], consistent=sent["RequestItems"][name].get("ConsistentRead", False)
                )
                for name, found in got["Responses"].items()
                for item in found
            )
        case "Query":
            return units.read_units(got["Items"], consistent=False)
        case "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems":
            return 0
    raise ValueError(f"Functions call {operation}, which the bench cannot count.")


def messages(calls: Iterable[Call]) -> int:
    """Return the billed units of messages that were sent; a batch is billed as a whole."""
    billed = 0
    for call in calls:
        if call.operation in {"SendMessage", "SendMessageBatch"}:
            sent = json.loads(call.request)
            bodies = [message["MessageBody"] for message in sent.get("Entries", [sent])]
            billed += units.message_units(sum(len(body.encode()) for body in bodies))
    return billed


def events(calls: Iterable[Call]) -> int:
    """Return the billed units of events that were put on the event bus."""
    entries = [
        entry
        for call in calls
        if call.operation == "PutEvents"
        for entry in json.loads(call.request)["Entries"]
    ]
    parts = ("Source", "DetailType", "Detail")
    return sum(
        units.message_units(sum(len(entry[part].encode()) for part in parts)) for entry in entries
    )


def executions(calls: Iterable[Call]) -> set[str]:
    """Return the ARNs of the Standard executions that were started."""
    starts = [json.loads(c.response) for c in calls if c.operation == "StartExecution"]
    arns = {start["executionArn"] for start in starts if "executionArn" in start}
    return {arn for arn in arns if ":express:" not in arn}


def log_bytes(lines: Iterable[str], *, platform: bool) -> int:
    """Return the bytes that CloudWatch bills for lines of functions.

    Args:
        lines: of the local cloud's log groups.
        platform: whether Lambda itself writes lines for a successful invocation.
    """
    platform_bytes = sum(len(json.dumps(line)) + LINE_BYTES for line in PLATFORM_LINES)
    written = 0
    for line in lines:
        if not line.startswith(TEXT_LINES):
            written += len(line.encode()) + LINE_BYTES
        elif line.startswith(STARTED) and platform:
            written += platform_bytes
    return written


def by_function(
    calls: Iterable[Call], callers: Mapping[str, str]
) -> Mapping[str, collections.Counter[str]]:
    """Return how often each function called each operation, named like `dynamodb:PutItem`."""
    counts = collections.defaultdict[str, collections.Counter[str]](collections.Counter)
    for call in calls:
        if call.caller in callers:
            counts[callers[call.caller]][f"{call.service}:{call.operation}"] += 1
    return counts
