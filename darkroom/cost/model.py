"""The cost of a million tasks, calculated from counts.

The duration of a function in AWS is not counted but assumed: its measured processor time, longer if
its memory gives it less than one processor, plus a time for each call that it makes.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from darkroom.cost.counts import Counts, Function, Run

PRICES = Path(__file__).with_name("prices.toml")
MILLION = 1_000_000
GB = 10**9
MIB_OF_ONE_PROCESSOR = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

# Assumed milliseconds of one call from a warm function in the same region.
CALL_MS = {
    "dynamodb": 6,
    "events": 15,
    "kms": 10,
    "sqs": 10,
    "states": 30,
    "s3:GetObject": 30,
    "s3:HeadObject": 15,
    "s3:PutObject": 50,
    "s3:CopyObject": 60,
}
SOURCE_MS = 300
"""Assumed wait for a source on the Internet."""
STATE_MS = 20
"""Assumed for each state of an execution, in addition to its function."""
EXPRESS_MB = 64
"""Billed memory of an Express execution: the minimum, which is enough for object keys."""
EXPRESS_STEP_MS = 100
WORK_DAYS = 1.5
"""Assumed life of work files: they expire after a day, and S3 removes them at midnight."""
DAYS_OF_A_MONTH = 30
HOURS_OF_A_MONTH = 730
MINUTES_OF_A_MONTH = HOURS_OF_A_MONTH * 60
# Lambda's pollers of an empty queue, and the wait time of each of their requests:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLERS, POLL_SECONDS = 5, 20
QUEUES = 2
CHECKS, TRANSITIONS_OF_A_CHECK = 3, 3
"""Assumed status checks of a batch of 100, at 2, 4 and 6 seconds, and the states of each."""
TRANSITIONS_OF_A_CHILD = 3
"""For a child of a Map Run: one transition that the Map Run is billed, its state, and its end."""
ACTIVE = "Active"
# The resources with a monthly price.
MONTHLY = {
    "alarm-month": "metrics that alarms watch",
    "dashboard-month": "dashboards",
    "kms-key-month": "KMS keys",
    "metric-month": "custom metrics",
}


@dataclass(frozen=True)
class Prices:
    """The price table, by the name of the price: see `prices.toml`."""

    lines: Mapping[str, Mapping[str, Any]]

    def of(self, name: str, count: float = 1.0) -> float:
        """Return the dollars for a number of units.

        Raises:
            KeyError: the table has no such price.
        """
        line = self.lines[name]
        return float(line["usd"]) * count / float(line["per"])


def load_prices() -> Prices:
    """Read the price table."""
    return Prices(tomllib.loads(PRICES.read_text()))


def components(run: Run, prices: Prices) -> dict[str, float]:
    """Return the dollars of a million tasks by component."""
    run = with_assumed_checks(run)
    each = MILLION / run.tasks
    puts, gets = _s3_requests(run)
    durations = sum(
        f.invocations * milliseconds(name, f) / 1000 * f.memory_mb / 1024
        for name, f in run.functions.items()
    )
    invocations = sum(function.invocations for function in run.functions.values())
    # Messages of the task queue, all of which have a group: sent, received and deleted.
    requests = run.messages + 2 * run.batches
    dollars = {
        "Step Functions": _step_functions(run, prices),
        "Lambda: time": prices.of("lambda-arm-gb-second", durations),
        "Lambda: requests": prices.of("lambda-request", invocations),
        "API Gateway": prices.of("api-gateway-rest-request", run.requests),
        "DynamoDB: writes": prices.of("dynamodb-write-unit", sum(run.writes.values())),
        "DynamoDB: reads": prices.of("dynamodb-read-unit", run.reads),
        "S3: requests": prices.of("s3-put", puts) + prices.of("s3-get", gets),
        "S3: work files": _kept(run.work_bytes, WORK_DAYS, prices),
        "SQS": prices.of("sqs-request", requests),
        "SQS: message groups": prices.of("sqs-fair-request", requests),
        "EventBridge": prices.of("eventbridge-event", run.events),
        "CloudWatch Logs: functions": prices.of("logs-gb", run.log_bytes / GB),
        "CloudWatch Logs: executions": prices.of("logs-gb", run.execution_log_bytes / GB),
        "X-Ray": prices.of("xray-trace", _traces(run)),
    }
    return {name: amount * each for name, amount in dollars.items()}


def with_assumed_checks(run: Run) -> Run:
    """Return the run of a batch with `CHECKS` status checks; a run of single tasks unchanged.

    The counted number of checks depends on the load of the machine that ran the local cloud.
    """
    if not run.manifests:
        return run
    counted = run.functions["Batch"]
    share = CHECKS / counted.invocations
    checks = replace(
        counted,
        invocations=CHECKS,
        cpu_ms=counted.cpu_ms * share,
        calls={call: count * share for call, count in counted.calls.items()},
    )
    return replace(
        run,
        transitions=run.transitions - TRANSITIONS_OF_A_CHECK * (counted.invocations - CHECKS),
        functions={**run.functions, "Batch": checks},
    )


def in_any_design(run: Run, prices: Prices) -> dict[str, float]:
    """Return the dollars of a million results that every design pays: storage and transfer."""
    each = MILLION / run.tasks
    records = run.item_bytes / GB
    stored = ("dynamodb-gb-month", "dynamodb-recovery-gb-month")
    return {
        "results kept for 30 days": _kept(run.result_bytes, DAYS_OF_A_MONTH, prices) * each,
        "records kept for 30 days": sum(prices.of(name, records) for name in stored) * each,
        "results sent to the Internet once": each
        * prices.of("transfer-out-gb", run.result_bytes / GB),
    }


def fixed(counts: Counts, prices: Prices) -> dict[str, float]:
    """Return the dollars of a month without tasks."""
    minute = counts.minute
    share = MINUTES_OF_A_MONTH / minute.function.invocations
    received = minute.function.calls.get("sqs:ReceiveMessage", 0)
    seconds = milliseconds("Reconcile", minute.function) / 1000 * MINUTES_OF_A_MONTH
    polls = POLLERS * QUEUES * MINUTES_OF_A_MONTH * 60 / POLL_SECONDS
    return {
        **{f"{MONTHLY[name]}: {n}": prices.of(name, n) for name, n in counts.fixed.items()},
        "polling of empty queues": prices.of("sqs-request", polls),
        "reconcile, every minute": prices.of("lambda-request", MINUTES_OF_A_MONTH)
        + prices.of("lambda-arm-gb-second", seconds * minute.function.memory_mb / 1024)
        + prices.of("dynamodb-read-unit", minute.reads * share)
        + prices.of("sqs-request", received * share),
    }


def milliseconds(name: str, function: Function) -> float:
    """Return the assumed duration of one invocation in AWS."""
    processors = min(1.0, function.memory_mb / MIB_OF_ONE_PROCESSOR)
    called = sum(
        (CALL_MS.get(call) or CALL_MS[call.partition(":")[0]]) * count
        for call, count in function.calls.items()
    )
    waited = SOURCE_MS if name == "Download" else 0
    return (function.cpu_ms / processors + called) / function.invocations + waited


def execution_seconds(run: Run) -> float:
    """Return the assumed duration of one execution in AWS: its functions and its states."""
    steps = ("Download", "Grayscale", "Upload", "UpdateStatus")
    taken = sum(
        (milliseconds(name, run.functions[name]) + STATE_MS) * run.functions[name].invocations
        for name in steps
    )
    return taken / run.tasks / 1000


def billed_transitions(run: Run) -> int:
    """Return the billed transitions of a run, including those of the children of Map Runs."""
    return run.transitions + TRANSITIONS_OF_A_CHILD * run.children


def _step_functions(run: Run, prices: Prices) -> float:
    dollars = prices.of("step-functions-transition", billed_transitions(run))
    if run.workflow == "EXPRESS":
        dollars += _express(run.tasks, execution_seconds(run), prices)
    return dollars


def _express(executions: int, seconds: float, prices: Prices) -> float:
    """Return the dollars of Express executions, given the duration of each."""
    steps = -(-seconds * 1000 // EXPRESS_STEP_MS)
    gb_seconds = executions * steps * EXPRESS_STEP_MS / 1000 * EXPRESS_MB / 1024
    return prices.of("step-functions-express-request", executions) + prices.of(
        "step-functions-express-gb-second", gb_seconds
    )


def _s3_requests(run: Run) -> tuple[float, float]:
    """Return the numbers of PUT requests and of GET requests, which are cheaper."""
    puts, gets = 0.0, float(run.manifests)
    for function in run.functions.values():
        for call, count in function.calls.items():
            if call in {"s3:PutObject", "s3:CopyObject"}:
                puts += count
            elif call.startswith("s3:"):
                gets += count
    return puts, gets


def _traces(run: Run) -> float:
    """Return the number of traces of a run.

    The trace of a request continues through the queue and the execution. A function that reads a
    stream starts its own trace: below one request a second Lambda traces every one.
    """
    announce = run.functions["Announce"]
    own = announce.invocations if announce.tracing == ACTIVE else 0
    return run.requests * run.traced + own


def _kept(size: int, days: float, prices: Prices) -> float:
    return prices.of("s3-gb-month", size / GB) * days / DAYS_OF_A_MONTH
