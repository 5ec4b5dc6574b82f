"""Where ministack 1.5.33 is brought nearer to AWS, or made faster, one small function each.

Each function names the AWS document that it restores and asserts that what it replaces is there.
docs/aws-differences.md has a row for each, with the test that fails without it; of those that only
make it faster, with a test that the answers stay the same.
"""

from tools.localcloud.emulator.patches import (
    access,
    alarms,
    credentials,
    deployments,
    execution_events,
    executions,
    express,
    functions,
    gateway,
    invocations,
    maps,
    metrics,
    objects,
    output,
    queues,
    retries,
    runtime_api,
    savings,
    system_calls,
    traces,
    workers,
)


def apply() -> None:
    """Apply every patch. AssertionError: this is not the ministack that they were written for."""
    functions.apply()
    runtime_api.apply()
    output.apply()
    workers.apply()
    invocations.apply()
    executions.apply()
    express.apply()
    execution_events.apply()
    retries.apply()
    maps.apply()
    gateway.apply()
    queues.apply()
    deployments.apply()
    objects.apply()
    access.apply()
    credentials.apply()
    savings.apply()
    system_calls.apply()
    metrics.apply()
    alarms.apply()
    traces.apply()
