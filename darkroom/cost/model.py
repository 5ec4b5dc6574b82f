"""What a million tasks cost: pure arithmetic on what was counted.

How long a function runs in AWS is not counted but assumed: the processor time that it used here,
stretched by the share of a processor that its memory buys, and a time for each call that it makes.
"""

from dataclasses import replace

from darkroom.cost.counts import Counts, Function, Run
from darkroom.cost.prices import Prices

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
"""Assumed wait for the source of a picture, somewhere on the Internet."""
STATE_MS = 20
"""Assumed for each state of an execution, beside its function."""
EXPRESS_MB = 64
"""Memory that an Express execution is billed for: the least, and enough for keys."""
EXPRESS_STEP_MS = 100
WORK_DAYS = 1.5
"""That files of work lie: they expire after a day, and S3 looks at midnight."""
DAYS_OF_A_MONTH = 30
HOURS_OF_A_MONTH = 730
MINUTES_OF_A_MONTH = HOURS_OF_A_MONTH * 60
# Lambda's pollers of a queue where nothing waits, and for how long each asks:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLERS, POLL_SECONDS = 5, 20
QUEUES = 2
LOOKS, TRANSITIONS_OF_A_LOOK = 3, 3
"""Assumed times that a batch of a hundred is looked at, at 2, 4 and 6 seconds, and their states."""
ACTIVE = "Active"
# What a price by the month is for.
THINGS = {
    "alarm-month": "metrics that alarms watch",
    "dashboard-month": "dashboards",
    "kms-key-month": "keys",
    "metric-month": "metrics of our own",
}


def components(run: Run, prices: Prices) -> dict[str, float]:
    """Return the dollars of a million tasks by component."""
    run = at_the_pace_of_aws(run)
    each = MILLION / run.tasks
    puts, gets = _s3_requests(run)
    durations = sum(
        f.invocations * milliseconds(name, f) / 1000 * f.memory_mb / 1024
        for name, f in run.functions.items()
    )
    invocations = sum(function.invocations for function in run.functions.values())
    dollars = {
        "Step Functions": _step_functions(run, prices),
        "Lambda: time": prices.of("lambda-arm-gb-second", durations),
        "Lambda: requests": prices.of("lambda-request", invocations),
        "API Gateway": prices.of("api-gateway-rest-request", run.requests),
        "DynamoDB: writes": prices.of("dynamodb-write-unit", sum(run.writes.values())),
        "DynamoDB: reads": prices.of("dynamodb-read-unit", run.reads),
        "S3: requests": prices.of("s3-put", puts) + prices.of("s3-get", gets),
        "S3: files of work": _kept(run.work_bytes, WORK_DAYS, prices),
        "SQS": prices.of("sqs-request", run.messages + 2 * run.batches),
        "EventBridge": prices.of("eventbridge-event", run.events),
        "CloudWatch Logs: functions": prices.of("logs-gb", run.log_bytes / GB),
        "CloudWatch Logs: executions": prices.of("logs-gb", run.execution_log_bytes / GB),
        "X-Ray": prices.of("xray-trace", _traces(run)),
    }
    return {name: amount * each for name, amount in dollars.items()}


def at_the_pace_of_aws(run: Run) -> Run:
    """Return a batch as if it were looked at `LOOKS` times; a run of single tasks as it is.

    How often its machine looked at it here depends on how busy this machine was.
    """
    if not run.manifests:
        return run
    counted = run.functions["Batch"]
    share = LOOKS / counted.invocations
    looks = replace(
        counted,
        invocations=LOOKS,
        cpu_ms=counted.cpu_ms * share,
        calls={call: count * share for call, count in counted.calls.items()},
    )
    return replace(
        run,
        transitions=run.transitions - TRANSITIONS_OF_A_LOOK * (counted.invocations - LOOKS),
        functions={**run.functions, "Batch": looks},
    )


def everywhere(run: Run, prices: Prices) -> dict[str, float]:
    """Return the dollars of a million results that any design pays: to keep, and to send them."""
    each = MILLION / run.tasks
    records = run.item_bytes / GB
    stored = ("dynamodb-gb-month", "dynamodb-recovery-gb-month")
    return {
        "results kept for 30 days": _kept(run.result_bytes, DAYS_OF_A_MONTH, prices) * each,
        "records kept for 30 days": sum(prices.of(name, records) for name in stored) * each,
        "results sent to the Internet, each once": each
        * prices.of("transfer-out-gb", run.result_bytes / GB),
    }


def fixed(counts: Counts, prices: Prices) -> dict[str, float]:
    """Return the dollars of a month, whether there are tasks or not."""
    minute = counts.minute
    share = MINUTES_OF_A_MONTH / minute.function.invocations
    received = minute.function.calls.get("sqs:ReceiveMessage", 0)
    seconds = milliseconds("Reconcile", minute.function) / 1000 * MINUTES_OF_A_MONTH
    polls = POLLERS * QUEUES * MINUTES_OF_A_MONTH * 60 / POLL_SECONDS
    return {
        **{f"{THINGS[name]}: {n}": prices.of(name, n) for name, n in counts.fixed.items()},
        "queues asked while they are empty": prices.of("sqs-request", polls),
        "reconcile, each minute": prices.of("lambda-request", MINUTES_OF_A_MONTH)
        + prices.of("lambda-arm-gb-second", seconds * minute.function.memory_mb / 1024)
        + prices.of("dynamodb-read-unit", minute.reads * share)
        + prices.of("sqs-request", received * share),
    }


def milliseconds(name: str, function: Function) -> float:
    """Return what one invocation of a function takes in AWS, as assumed."""
    processors = min(1.0, function.memory_mb / MIB_OF_ONE_PROCESSOR)
    called = sum(_call_ms(call) * count for call, count in function.calls.items())
    waited = SOURCE_MS if name == "Download" else 0
    return (function.cpu_ms / processors + called) / function.invocations + waited


def execution_seconds(run: Run) -> float:
    """Return what one execution takes in AWS, as assumed: its functions and what is between."""
    steps = ("Download", "Grayscale", "Upload", "UpdateStatus")
    taken = sum(
        (milliseconds(name, run.functions[name]) + STATE_MS) * run.functions[name].invocations
        for name in steps
    )
    return taken / run.tasks / 1000


def _step_functions(run: Run, prices: Prices) -> float:
    # A Map Run is billed a transition for each child that it starts, and the child by itself.
    dollars = prices.of("step-functions-transition", run.transitions + run.children)
    if run.workflow == "EXPRESS":
        dollars += _express(run.tasks, execution_seconds(run), prices)
    if run.children:
        seconds = (milliseconds("Enter", run.functions["Enter"]) + STATE_MS) / 1000
        dollars += _express(run.children, seconds, prices)
    return dollars


def _express(executions: int, seconds: float, prices: Prices) -> float:
    """Return the dollars of Express executions that take so long each."""
    steps = -(-seconds * 1000 // EXPRESS_STEP_MS)
    gb_seconds = executions * steps * EXPRESS_STEP_MS / 1000 * EXPRESS_MB / 1024
    return prices.of("step-functions-express-request", executions) + prices.of(
        "step-functions-express-gb-second", gb_seconds
    )


def _s3_requests(run: Run) -> tuple[float, float]:
    """Return the requests of the dear kind and those of the cheap one."""
    puts, gets = 0.0, float(run.manifests)
    for function in run.functions.values():
        for call, count in function.calls.items():
            if call in {"s3:PutObject", "s3:CopyObject"}:
                puts += count
            elif call.startswith("s3:"):
                gets += count
    return puts, gets


def _traces(run: Run) -> float:
    """Return the traces of a run.

    A request's trace goes on through the queue and the execution. What reads a stream begins its
    own: at the rates of most, under one in a second, Lambda traces each of them.
    """
    announce = run.functions["Announce"]
    own = announce.invocations if announce.tracing == ACTIVE else 0
    return run.requests * run.traced + own


def _kept(size: int, days: float, prices: Prices) -> float:
    return prices.of("s3-gb-month", size / GB) * days / DAYS_OF_A_MONTH


def _call_ms(call: str) -> float:
    return CALL_MS.get(call) or CALL_MS[call.partition(":")[0]]
