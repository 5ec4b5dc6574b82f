"""The acceptance test knows what it waits for from the template and the state machine."""

from typing import Any

from tools.accept import batches, operations


def test_the_states_of_a_completed_task_are_those_of_the_machine(machine: dict[str, Any]):
    states, name = [], machine["StartAt"]
    while name:
        states.append(name)
        name = machine["States"][name].get("Next")
    assert states == operations.STATES


def test_download_is_retried_as_often_as_the_machine_says(machine: dict[str, Any]):
    (retrier,) = (
        retrier
        for retrier in machine["States"]["Download"]["Retry"]
        if "SourceUnavailable" in retrier["ErrorEquals"]
    )
    assert retrier["MaxAttempts"] + 1 == operations.DOWNLOAD_TRIES


def test_a_repair_stays_below_the_threshold_of_its_alarm(resources: dict[str, Any]):
    alarm = resources["RepairsAlarm"]["Properties"]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["Threshold"] == batches.REPAIRS_OF_ALARM
    assert alarm["Period"] == batches.PERIOD.total_seconds()
    assert batches.REPAIRS < batches.REPAIRS_OF_ALARM


def test_the_failures_stay_below_the_threshold_of_their_alarm(resources: dict[str, Any]):
    """tests/unit/tools/accept/test_tasks.py shows that at most half of ten tasks fail."""
    alarm = resources["FailureRateAlarm"]["Properties"]
    (rate,) = (query for query in alarm["Metrics"] if query["Id"] == "rate")
    assert ">= 10" in rate["Expression"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (50, "GreaterThanThreshold")
