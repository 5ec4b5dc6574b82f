"""Patches that make ministack 1.5.33 behave like AWS, grouped by service.

Each patch is one function. It documents the behaviour of AWS, and `replaces` checks that the code
which it changes is still there. docs/aws-differences.md has a row for each patch, with the test
that fails without it. The docstring of a module names the sections that contain its rows.
"""

from tools.localcloud.emulator.fidelity import (
    api_compression,
    api_gateway,
    api_keys,
    cloudformation,
    cloudwatch,
    fair_queues,
    iam,
    s3,
    sqs,
    xray,
)
from tools.localcloud.emulator.fidelity.aws_lambda import functions, runtime_api, streams, workers
from tools.localcloud.emulator.fidelity.stepfunctions import (
    events,
    executions,
    express,
    expressions,
    maps,
    retries,
)
from tools.localcloud.emulator.replacing import apply_patches


def apply() -> None:
    """Apply every patch. Raises AssertionError if ministack is another version than theirs."""
    apply_patches(functions, runtime_api, streams, workers)
    apply_patches(api_gateway, api_keys, api_compression, sqs, fair_queues, cloudformation, s3, iam)
    apply_patches(cloudwatch, xray)
    # In this order: of several patches of one function, the last is called first. `express` makes
    # the name of a start unique before `xray` and `executions` see it, and corrects the ARN after
    # them. `events` logs only what `executions` accepts and `expressions` does not drop.
    apply_patches(executions, express, events, retries, maps, expressions)
