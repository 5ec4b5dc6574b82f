"""What calls and log lines are billed as."""

import collections
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from tools.bench import units
from tools.bench.wire import Call

# CloudWatch adds them to each line:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LINE_BYTES = 26
# What Lambda itself writes for an invocation as JSON, for the local cloud has its lines as text:
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


@dataclass(frozen=True)
class Capacity:
    """What calls used of tables.

    Attributes:
        writes: units by index, a table's own under "table", each after the table's prefix.
        reads: units.
        kept_bytes: of the items that were written, and of what indexes hold of them, at the end.
    """

    writes: dict[str, int]
    reads: float
    kept_bytes: int


def capacity(calls: Iterable[Call], tables: Mapping[str, units.Table]) -> Capacity:
    """Return what calls used of tables, which are given by their names.

    Raises:
        ValueError: a function called what this cannot count.
    """
    writes: collections.Counter[str] = collections.Counter()
    reads = 0.0
    items: dict[tuple[str, str], units.Item] = {}
    for call in calls:
        if call.service != "dynamodb":
            continue
        sent, got = json.loads(call.request), json.loads(call.response)
        match call.operation:
            case "PutItem" | "UpdateItem":
                table = tables[sent["TableName"]]
                new = sent.get("Item") or got.get("Attributes") or {}
                key = sent["TableName"], (new or sent["Key"])[table.key]["S"]
                old = items.get(key, {})
                if call.status == HTTPStatus.OK:
                    items[key] = new or old
                # A write whose condition fails costs what the item has.
                spent = units.write_units(old, items.get(key, old), table.indexes)
                writes.update({f"{table.prefix}{where}": count for where, count in spent.items()})
            case "GetItem":
                consistent = sent.get("ConsistentRead", False)
                reads += units.read_units([got.get("Item", {})], consistent=consistent)
            case "BatchGetItem":
                # Each item of a batch is read, and rounded up, by itself.
                for name, found in got["Responses"].items():
                    consistent = sent["RequestItems"][name].get("ConsistentRead", False)
                    reads += sum(units.read_units([item], consistent=consistent) for item in found)
            case "Query":
                reads += units.read_units(got["Items"], consistent=False)
            case other:
                raise ValueError(f"Functions call {other}, which is not counted.")
    kept = sum(
        units.item_bytes(held)
        for (name, _), item in items.items()
        for held in (item, *(index.entry(item) for index in tables[name].indexes.values()))
    )
    return Capacity(dict(writes), reads, kept)


def messages(calls: Iterable[Call]) -> int:
    """Return the units of the messages that were sent to queues: a batch is billed as a whole."""
    billed = 0
    for call in calls:
        if call.operation in {"SendMessage", "SendMessageBatch"}:
            sent = json.loads(call.request)
            bodies = [message["MessageBody"] for message in sent.get("Entries", [sent])]
            billed += units.message_units(sum(len(body.encode()) for body in bodies))
    return billed


def events(calls: Iterable[Call]) -> int:
    """Return the units of the events that were put on the bus."""
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


def log_bytes(lines: Iterable[str], *, platform: bool) -> int:
    """Return what CloudWatch counts for lines of functions.

    Args:
        lines: of the local cloud's log groups.
        platform: whether Lambda writes lines of its own for an invocation that succeeds.
    """
    of_lambda = sum(len(json.dumps(line)) + LINE_BYTES for line in PLATFORM_LINES)
    written = 0
    for line in lines:
        if not line.startswith(TEXT_LINES):
            written += len(line.encode()) + LINE_BYTES
        elif line.startswith(STARTED) and platform:
            written += of_lambda
    return written


def made_by(
    calls: Iterable[Call], callers: Mapping[str, str]
) -> collections.defaultdict[str, collections.Counter[str]]:
    """Return how often each function called what, as `dynamodb:PutItem`."""
    made: collections.defaultdict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for call in calls:
        if call.caller in callers:
            made[callers[call.caller]][f"{call.service}:{call.operation}"] += 1
    return made
