"""`make cost` counts what a task calls: a call that is new shows here, before it is paid for."""

import pytest

from bench.counting import count
from ports import free_port
from sources import Sources

pytestmark = pytest.mark.timeout(120)

OF_A_TASK = {
    "Announce": {"events:PutEvents": 1},
    "Api": {"dynamodb:GetItem": 1, "dynamodb:PutItem": 1, "sqs:SendMessage": 1},
    "Dispatch": {"states:StartExecution": 1},
    "Download": {"s3:PutObject": 1},
    "Grayscale": {"s3:GetObject": 1, "s3:PutObject": 1},
    "UpdateStatus": {"dynamodb:UpdateItem": 2},
    "Upload": {"s3:CopyObject": 1, "s3:HeadObject": 1},
}


@pytest.mark.parametrize("workflow", ["STANDARD", "EXPRESS"])
def test_a_task_makes_these_calls_and_no_other(workflow: str, sources: Sources):
    (run,), minute = count(workflow, {"colour": sources.url("/colour.jpg")}, 3, free_port())

    assert {n: dict(f.calls) for n, f in run.functions.items()} == {
        name: {call: 3 * times for call, times in calls.items()}
        for name, calls in OF_A_TASK.items()
    }
    assert (run.requests, run.messages, run.events, run.reads) == (6, 3, 3, 3)
    assert run.writes["table"] == 3 * 3
    assert run.result_bytes > 0
    assert (run.transitions > 0) == (workflow == "STANDARD")
    assert all(function.cpu_ms >= 0 for function in run.functions.values())
    calls = minute.function.calls
    assert calls["dynamodb:Query"] == 8 * minute.function.invocations
    assert minute.reads == calls["dynamodb:Query"] / 2
