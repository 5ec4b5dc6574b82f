"""A Distributed Map reads, selects, batches and ends as in Step Functions."""

import json
import uuid
from typing import Any

import pytest

from tests.support.cloud.minimal import (
    ended,
    eventually,
    function,
    history,
    machine,
    run,
    task,
)

ECHO = "def handler(event, context): return event"
SLOW = "import time\ndef handler(event, context): time.sleep(0.3); return event"


@pytest.fixture(scope="module")
def bucket(cloud) -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def put(cloud: Any, bucket: str, key: str, text: str) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def over(bucket: str, processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A map over the JSON Lines at the key in the input."""
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Arguments": {"Bucket": bucket, "Key": "{% $states.context.Execution.Input.key %}"},
    }
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    inner = {"ProcessorConfig": config, "StartAt": "Do", "States": {"Do": processor}}
    return {"Type": "Map", "ItemReader": reader, "ItemProcessor": inner, "End": True} | fields


def test_items_are_read_by_an_expression_selected_and_handed_on_in_batches(cloud, bucket):
    put(cloud, bucket, "five", "\n".join(json.dumps({"n": n}) for n in range(5)))
    echo = function(cloud, ECHO)
    state = over(
        bucket,
        task(echo, "{% $states.input %}", Output="{% $states.result.Payload %}"),
        ItemSelector={
            "index": "{% $states.context.Map.Item.Index %}",
            "n": "{% $states.context.Map.Item.Value.n %}",
        },
        ItemBatcher={
            "MaxItemsPerBatch": 2,
            "BatchInput": {"of": "{% $states.context.Execution.Input.key %}"},
        },
        Assign={"sizes": "{% $states.result.$count(Items) %}"},
        Output="{% $states.result %}",
    )

    end = run(cloud, machine(cloud, {"Map": state}), input=json.dumps({"key": "five"}))

    pairs = [{"index": n, "n": n} for n in range(5)]
    assert json.loads(end["output"]) == [
        {"Items": pairs[:2], "BatchInput": {"of": "five"}},
        {"Items": pairs[2:4], "BatchInput": {"of": "five"}},
        {"Items": pairs[4:], "BatchInput": {"of": "five"}},
    ]


@pytest.mark.parametrize("text", [None, "no json\n"])
def test_what_cannot_be_read_is_an_error_that_a_catch_knows(cloud, bucket, text: str | None):
    key = f"unreadable-{text is None}"
    if text:
        put(cloud, bucket, key, text)
    catch = [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Caught"}]
    state = over(bucket, {"Type": "Pass", "End": True}, Catch=catch)
    states = {"Map": state, "Caught": {"Type": "Succeed"}}

    end = run(cloud, machine(cloud, states), input=json.dumps({"key": key}))

    assert end["status"] == "SUCCEEDED", end


def test_a_child_gets_no_more_items_than_the_bytes_that_it_may_have(cloud, bucket):
    put(cloud, bucket, "sizes", "\n".join(json.dumps("x" * n) for n in (10, 10, 90, 200, 10)))
    state = over(
        bucket,
        {"Type": "Pass", "Output": "{% $count($states.input.Items) %}", "End": True},
        ItemBatcher={"MaxItemsPerBatch": 9, "MaxInputBytesPerBatch": 100},
        Output="{% $states.result %}",
    )

    end = run(cloud, machine(cloud, {"Map": state}), input=json.dumps({"key": "sizes"}))

    assert json.loads(end["output"]) == [2, 1, 1, 1]


def test_the_map_of_a_stopped_execution_starts_no_further_child(cloud, bucket):
    put(cloud, bucket, "many", "\n".join(["{}"] * 60))
    state = over(bucket, task(function(cloud, SLOW)), MaxConcurrency=2)
    states = cloud.client("stepfunctions")
    execution = states.start_execution(
        stateMachineArn=machine(cloud, {"Map": state}), input=json.dumps({"key": "many"})
    )["executionArn"]

    def map_run() -> Any:
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return runs and states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])

    eventually(lambda: (found := map_run()) and found["itemCounts"]["succeeded"])
    states.stop_execution(executionArn=execution)

    assert ended(cloud, execution)["status"] == "ABORTED"
    eventually(
        lambda: not map_run()["itemCounts"]["running"] and not map_run()["itemCounts"]["pending"]
    )
    assert map_run()["itemCounts"]["succeeded"] < 60


def test_an_expression_that_fails_in_a_child_is_in_the_history_of_the_child(cloud, bucket):
    put(cloud, bucket, "one", "{}")
    state = over(bucket, {"Type": "Pass", "Output": "{% $states.input.nothing %}", "End": True})
    states = cloud.client("stepfunctions")

    end = run(cloud, machine(cloud, {"Map": state}), input=json.dumps({"key": "one"}))

    [map_run] = states.list_map_runs(executionArn=end["executionArn"])["mapRuns"]
    children = states.list_executions(mapRunArn=map_run["mapRunArn"])["executions"]
    [child] = [states.describe_execution(executionArn=each["executionArn"]) for each in children]
    assert end["error"] == "States.ExceedToleratedFailureThreshold"
    assert child["error"] == "States.QueryEvaluationError"
    assert history(cloud, child["executionArn"]) == ["EvaluationFailed"]
    assert "EvaluationFailed" not in history(cloud, end["executionArn"])
