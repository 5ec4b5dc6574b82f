"""`make cost` counts the calls of a task. A new call fails here before it costs money."""

import pytest

from darkroom.cost.counts import Run
from tests.support.fakes.sources import Sources
from tools.bench.billing.counting import count

pytestmark = pytest.mark.timeout(1200)

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
    counted = count(workflow, {"colour": sources.url("/colour.jpg")}, 3, 60)
    (run,), (batch,) = counted.runs, counted.batches

    calls = {n: dict(f.calls) for n, f in run.functions.items()}
    # Dispatch reads the tasks that it started two seconds before, and those before them.
    looks = calls["Dispatch"].pop("dynamodb:BatchGetItem", 0)
    assert looks <= 3
    # An instance of the API looks the caller's key up once a minute.
    keys = calls["Api"]["dynamodb:GetItem"] - 3
    assert 0 <= keys <= 4
    calls["Api"]["dynamodb:GetItem"] -= keys
    assert calls == {
        name: {call: 3 * times for call, times in calls.items()}
        for name, calls in OF_A_TASK.items()
    }
    assert (run.requests, run.messages, run.events) == (6, 3, 3)
    assert run.reads >= 3
    assert run.writes["table"] == 3 * 3
    assert run.result_bytes > 0
    assert (run.transitions > 0) == (workflow == "STANDARD")
    # An EXPRESS execution of five tasks has 27 events; a STANDARD one that goes well logs none.
    of_a_task = (run.execution_log_bytes / 3, batch.execution_log_bytes / 60)
    of_each = 10_000 if workflow == "EXPRESS" else 0
    assert of_a_task == pytest.approx((of_each, of_each), rel=0.1)
    assert all(function.cpu_ms >= 0 for function in run.functions.values())
    of_reconcile = counted.minute.function
    assert of_reconcile.calls["dynamodb:Query"] == 16 * of_reconcile.invocations
    assert counted.minute.reads == of_reconcile.calls["dynamodb:Query"] / 2
    _a_batch_enters_its_tasks_by_50_and_writes_an_index(batch)


def _a_batch_enters_its_tasks_by_50_and_writes_an_index(batch: Run):
    looks = batch.functions["Batch"].invocations
    assert (batch.tasks, batch.manifests, batch.children) == (60, 1, 2)
    assert batch.functions["Enter"].calls == {
        "dynamodb:GetItem": 2,
        "dynamodb:PutItem": 60,
        "sqs:SendMessageBatch": 6,  # of 50 and of 10, by ten
    }
    assert (batch.functions["Batch"].calls["dynamodb:Query"], batch.messages) == (looks, 6)
    assert (batch.writes["table"], batch.writes["batch"]) == (3 * 60, 3 * 60)
    assert (batch.writes["batches table"], batch.requests) == (3, 3)
    # Nine states and the transition to the end; three more for each count after the first.
    of_tasks = 60 * 6 if batch.workflow == "STANDARD" else 0
    assert batch.transitions == of_tasks + 10 + 3 * (looks - 1)
