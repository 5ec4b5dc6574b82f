"""An execution starts, retries and ends as in Step Functions."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import (
    ended,
    eventually,
    function,
    history,
    machine,
    needs_speedups,
    run,
    task,
)

SLOW = "import time\ndef handler(event, context): time.sleep(2); raise ValueError('late')"
FAILING = "def handler(event, context): raise ValueError(event.get('message', 'no'))"
ECHO = "def handler(event, context): return event"
LONG_WAIT = {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}
# A payload's limit, in bytes.
LIMIT = 256 * 1024


@pytest.fixture
def states(cloud):
    return cloud.client("stepfunctions")


@pytest.fixture
def announced(cloud):
    """Wait for an execution's status event; returns every execution that had one until then."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="status-events")["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"status": ["TIMED_OUT", "SUCCEEDED"]}}
    events.put_rule(Name="status-events", EventPattern=json.dumps(pattern))
    arn = "arn:aws:sqs:us-east-1:000000000000:status-events"
    events.put_targets(Rule="status-events", Targets=[{"Id": "queue", "Arn": arn}])
    executions = []

    def until(execution):
        def arrived():
            found = sqs.receive_message(QueueUrl=queue).get("Messages", [])
            bodies = [json.loads(message["Body"]) for message in found]
            executions.extend(body["detail"]["executionArn"] for body in bodies)
            return execution in executions

        eventually(arrived)
        return executions

    yield until
    events.remove_targets(Rule="status-events", Ids=["queue"])
    events.delete_rule(Name="status-events")
    sqs.delete_queue(QueueUrl=queue)


def test_an_execution_that_takes_too_long_is_timed_out_and_says_so(cloud, announced):
    slow = machine(cloud, LONG_WAIT, TimeoutSeconds=1)

    end = run(cloud, slow)

    assert end["status"] == "TIMED_OUT"
    assert end["stopDate"] - end["startDate"] < timedelta(seconds=15)
    assert history(cloud, end["executionArn"])[-1] == "ExecutionTimedOut"
    assert announced(end["executionArn"])


def test_a_late_task_error_leaves_an_aborted_execution_aborted(cloud, states):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}]
    arn = machine(cloud, {"Only": task(function(cloud, SLOW), Retry=retry)})
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    eventually(lambda: "TaskScheduled" in history(cloud, execution))

    states.stop_execution(executionArn=execution, error="Cancelled", cause="by its owner")

    # The function ends after two seconds, an execution that is started in the meantime after three.
    run(cloud, machine(cloud, {"Wait": {"Type": "Wait", "Seconds": 3, "End": True}}))
    end = ended(cloud, execution)
    assert (end["status"], end["error"]) == ("ABORTED", "Cancelled")
    assert history(cloud, execution)[-1] == "ExecutionAborted"
    assert history(cloud, execution).count("TaskScheduled") == 1


def test_a_task_that_takes_too_long_has_no_cause(cloud, states):
    """As AWS was recorded: neither the event nor the execution's end has a text."""
    slow = task(function(cloud, SLOW), TimeoutSeconds=1)
    caught = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "End"}
    end = {"End": {"Type": "Succeed"}}

    kept = run(cloud, machine(cloud, {"Only": {**slow, "Catch": [caught]}, **end}))
    lost = run(cloud, machine(cloud, {"Only": slow}))

    assert json.loads(kept["output"]) == {"Error": "States.Timeout", "Cause": ""}
    assert (lost["status"], lost["error"], lost.get("cause", "")) == (
        "FAILED",
        "States.Timeout",
        "",
    )
    events = states.get_execution_history(executionArn=lost["executionArn"])["events"]
    [reported] = [
        event for event in events if event["type"].startswith("Task") and "Out" in event["type"]
    ]
    assert reported["taskTimedOutEventDetails"]["error"] == "States.Timeout"
    assert "cause" not in reported["taskTimedOutEventDetails"]
    assert "TaskFailed" not in [event["type"] for event in events]


def test_the_time_limit_of_a_task_begins_when_a_process_is_free(cloud, states):
    """Six at once share two processes: the last ones wait for longer than their limit."""
    takes_a_second = "import time\ndef handler(event, context): time.sleep(1)"
    arn = machine(cloud, {"Only": task(function(cloud, takes_a_second), TimeoutSeconds=2)})
    started = [states.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(6)]

    assert [ended(cloud, one)["status"] for one in started] == ["SUCCEEDED"] * 6


@needs_speedups
def test_an_execution_begins_without_a_pause(cloud):
    arn = machine(cloud, {"Only": {"Type": "Pass", "End": True}})

    def at_once() -> bool:
        end = run(cloud, arn)
        return end["stopDate"] - end["startDate"] < timedelta(seconds=0.1)

    eventually(at_once)  # one of many: the machine that runs this may be busy


def test_the_delay_between_attempts_is_capped_and_drawn_from_its_whole_range(cloud, states):
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "BackoffRate": 9}
    name = function(cloud, FAILING)
    full = retry | {"MaxAttempts": 2, "MaxDelaySeconds": 2, "JitterStrategy": "FULL"}
    capped = retry | {"MaxAttempts": 2, "MaxDelaySeconds": 2}
    executions = [
        states.start_execution(
            stateMachineArn=machine(cloud, {"Only": task(name, Retry=[retrier])})
        )
        for retrier in [capped, full, full, full, full]
    ]

    ends = [ended(cloud, execution["executionArn"]) for execution in executions]

    seconds = [(end["stopDate"] - end["startDate"]).total_seconds() for end in ends]
    # 1 s, then 9 s cut to 2 s.
    assert 3 <= seconds[0] < 10
    # Four sums of two random delays: none the same, not all of them near the cap.
    assert min(seconds[1:]) < seconds[0] - 0.3
    assert len({round(value, 1) for value in seconds[1:]}) > 1


def test_a_name_and_input_started_again_while_running_is_the_same_execution(cloud, states):
    arn = machine(cloud, LONG_WAIT)
    start = {"stateMachineArn": arn, "name": "task-1", "input": '{"n": 1}'}
    first = states.start_execution(**start)

    again = states.start_execution(**start)

    assert again["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**start | {"input": '{"n": 2}'})
    states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**start)


def test_an_input_over_the_limit_is_refused(cloud, states):
    arn = machine(cloud, {"Only": {"Type": "Pass", "End": True}})

    with pytest.raises(ClientError, match="ValidationException"):
        states.start_execution(stateMachineArn=arn, input=json.dumps("x" * LIMIT))


def test_a_result_over_the_limit_is_an_error_that_no_wildcard_catches(cloud):
    source = f"def handler(event, context): return 'x' * {LIMIT}"
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    only = {"Only": task(function(cloud, source), Catch=caught), "Caught": {"Type": "Succeed"}}

    end = run(cloud, machine(cloud, only))

    assert end["status"] == "FAILED"
    assert end["error"] == "States.DataLimitExceeded"


def test_a_fail_state_after_a_catch_ends_with_the_error_and_cause_it_was_given(cloud):
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Next": "Broken",
        "Assign": {"error": "{% $states.errorOutput.Error %}"},
        "Output": {"cause": "{% $parse($states.errorOutput.Cause).errorMessage %}"},
    }
    only = {
        "Only": task(function(cloud, FAILING), {"message": "it is broken"}, Catch=[caught]),
        "Broken": {"Type": "Fail", "Error": "{% $error %}", "Cause": "{% $states.input.cause %}"},
    }

    end = run(cloud, machine(cloud, only))

    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "ValueError", "it is broken")
