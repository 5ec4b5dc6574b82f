"""A batch of two million items, and an hour of throttling, are within the limits of its machine.

tests/conformance/second_engine/test_batch_history.py counts the events of its history.
"""

import json
from math import sqrt
from typing import Any

import pytest

from darkroom.aws.dynamodb import Table
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.manifests import MAX_BYTES, MAX_ITEMS
from darkroom.batches.model import PAGE_SECONDS
from tests.support.project import PROJECT
from tests.support.template.machines import THROTTLING

PAYLOAD_BYTES = 262_144
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
HOUR = 3600
DEVIATIONS = 5
"""A normally distributed value is this far below its mean once in three million times."""


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    machine = json.loads((PROJECT / "statemachine" / "batch.asl.json").read_text())
    found: dict[str, Any] = machine["States"]
    return found


@pytest.fixture(scope="module")
def maps(states: dict[str, Any]) -> list[dict[str, Any]]:
    return [state for state in states.values() if state["Type"] == "Map"]


def test_the_counts_of_all_children_of_a_map_run_fit_one_result(maps):
    """Also if AWS writes a space after each comma."""
    for state in maps:
        batcher = state["ItemBatcher"]
        children = MAX_ITEMS / batcher["MaxItemsPerBatch"]
        children += MAX_BYTES / batcher["MaxInputBytesPerBatch"]  # those with long lines
        bytes_of_each = len(f"{batcher['MaxItemsPerBatch']}, ")
        assert children * bytes_of_each < PAYLOAD_BYTES * 0.8
        assert batcher["MaxInputBytesPerBatch"] < PAYLOAD_BYTES * 0.8


def test_an_hour_of_throttling_uses_up_no_retrier(states, maps):
    """Each delay is a random part of its maximum, evenly distributed (`FULL`)."""
    inner = [state["ItemProcessor"]["States"]["Enter"] for state in maps]
    tasks = [state for state in [*states.values(), *inner] if state["Type"] == "Task"]
    assert len(tasks) == 10
    for state in tasks:
        (retrier,) = (each for each in state["Retry"] if THROTTLING in each["ErrorEquals"])
        assert retrier["JitterStrategy"] == "FULL"
        growing = (
            retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n
            for n in range(retrier["MaxAttempts"])
        )
        longest = [min(delay, retrier["MaxDelaySeconds"]) for delay in growing]
        mean = sum(longest) / 2
        deviation = sqrt(sum(delay**2 for delay in longest) / 12)
        assert mean - DEVIATIONS * deviation > HOUR


def test_a_child_may_wait_as_long_as_its_retrier(maps):
    """An EXPRESS execution ends after five minutes."""
    kinds = [state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] for state in maps]
    assert kinds == ["STANDARD", "STANDARD"]


def test_the_last_group_of_a_page_ends_before_its_function_is_killed(resources, slowest):
    write, stop = slowest(Table("any")._dynamodb), slowest(StateMachine("any")._states)
    send = slowest(Queue("any")._sqs)
    timeout = resources["BatchFunction"]["Properties"]["Timeout"]
    retry = 2 * write + send  # the task is assigned to the run, or has ended and is retried
    assert PAGE_SECONDS + write + max(write + stop, retry) < timeout


def test_a_page_has_one_processor(resources):
    """The extrapolations of docs/scale.md assume one vCPU.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """
    assert resources["BatchFunction"]["Properties"]["MemorySize"] == 1769
