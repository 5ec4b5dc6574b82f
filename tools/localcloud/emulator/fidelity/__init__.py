"""Patches that make ministack 1.5.33 behave like AWS, grouped by service.

Each patch is one function. It documents the behaviour of AWS, and `replace` checks that the code
which it changes is still there. docs/aws-differences.md has one row for each patch, with the test
that fails without it. The docstring of a module names the sections that contain its rows.
"""

from tools.localcloud.emulator.fidelity import (
    api_gateway,
    cloudformation,
    iam,
    s3,
    sqs,
    xray,
)
from tools.localcloud.emulator.fidelity.aws_lambda import (
    functions,
    invocations,
    runtime_api,
    workers,
)
from tools.localcloud.emulator.fidelity.cloudwatch import alarms, metrics
from tools.localcloud.emulator.fidelity.stepfunctions import (
    events,
    executions,
    express,
    expressions,
    maps,
    retries,
)


def apply() -> None:
    """Apply every patch. AssertionError: this is not the version of ministack they are made for."""
    functions.apply()
    runtime_api.apply()
    workers.apply()
    invocations.apply()
    executions.apply()
    express.apply()
    events.apply()
    retries.apply()
    maps.apply()
    expressions.apply()
    api_gateway.apply()
    sqs.apply()
    cloudformation.apply()
    s3.apply()
    iam.apply()
    metrics.apply()
    alarms.apply()
    xray.apply()
