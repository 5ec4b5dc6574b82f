"""Checks that need AWS, or a stack in a bad state: traces, alarms, releases, repairs."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.cli.operator.deployment import FAIL, OK, Finding
from tools.accept import batches, operations, subject
from tools.accept.report import Broken, NotChecked
from tools.accept.sites import Sites

SITES = Sites("http://127.0.0.1/", slow="https://accept.invalid/")


def traces(*documents: dict[str, str]) -> dict[str, Any]:
    """An X-Ray that has one trace."""
    segments = [{"Document": json.dumps(document)} for document in documents]
    return {
        "xray": SimpleNamespace(batch_get_traces=lambda **_: {"Traces": [{"Segments": segments}]})
    }


API = {"name": "darkroom-dev/v1", "origin": "AWS::ApiGateway::Stage"}
MACHINE = {"name": "TaskStateMachine-1A"}


def test_a_trace_leads_from_the_api_to_the_state_machine(make_subject):
    found = make_subject(traces(API, MACHINE), first={}, trace_id="1-0-0")
    assert "TaskStateMachine-1A" in operations.check_trace(found)


def test_a_trace_that_ends_before_the_execution_fails_the_check(make_subject, monkeypatch):
    monkeypatch.setattr(operations, "TRACE_SECONDS", 0.0)
    with pytest.raises(Broken, match="ApiGateway"):
        operations.check_trace(make_subject(traces(API), first={}, trace_id="1-0-0"))


def test_the_local_cloud_has_no_traces(make_subject):
    with pytest.raises(NotChecked, match="records no traces"):
        operations.check_trace(make_subject(local=True, first={}))


@pytest.mark.parametrize(("may_be_on", "raised"), [(False, Broken), (True, NotChecked)])
def test_an_alarm_that_is_on_before_the_test_is_named(make_subject, monkeypatch, may_be_on, raised):
    """A release may be the correction of what the alarm reports, so it is not rolled back."""
    on = Finding(FAIL, "alarm", "darkroom-dev-faults is on", "")
    monkeypatch.setattr(operations, "alarms", lambda _: iter([on]))
    with pytest.raises(raised, match="darkroom-dev-faults is on"):
        operations.check_alarms(make_subject(), may_be_on=may_be_on)


def test_quiet_alarms_are_counted(make_subject, monkeypatch):
    off = Finding(OK, "alarms", "all 13 are off")
    monkeypatch.setattr(operations, "alarms", lambda _: iter([off]))
    assert operations.check_alarms(make_subject(), may_be_on=False) == "all 13 are off"


class Live:
    """Lambda, with functions that are all live in one release."""

    def get_function_configuration(self, **asked: str) -> dict[str, str]:
        assert asked == {"FunctionName": "darkroom-dev-ApiFunction-1A", "Qualifier": "live"}
        return {"Description": "Accepts tasks a1b2c3d4e5"}


@pytest.fixture
def released(make_subject):
    found = make_subject({"lambda": Live()})
    functions = {"ApiFunction": "darkroom-dev-ApiFunction-1A"}
    found.deployment = SimpleNamespace(of_type=lambda _: functions)
    return found


@pytest.mark.parametrize("version", ["a1b2c3d4e5", None], ids=["given", "parameter"])
def test_a_release_is_live_in_every_function(released, version):
    assert operations.check_release(released, version) == "1 functions are live in a1b2c3d4e5"


def test_a_function_that_is_live_in_another_release_is_named(released):
    with pytest.raises(Broken, match=r"ApiFunction is live in f6a7b8c9d0; seen: .*a1b2c3d4e5"):
        operations.check_release(released, "f6a7b8c9d0")


def test_a_stack_without_a_release_is_not_checked_for_one(make_subject):
    with pytest.raises(NotChecked, match="without the parameter Release"):
        operations.check_release(make_subject(parameters={"Release": ""}), None)


# ── Repair ───────────────────────────────────────────────────────────────────────────────────────
class Stops:
    """Step Functions and CloudWatch; remembers which executions were stopped."""

    def __init__(self, repairs: int = 0, *, allowed: bool = True) -> None:
        self.repairs, self.allowed, self.stopped = repairs, allowed, []

    def get_metric_statistics(self, **_: Any) -> dict[str, Any]:
        return {"Datapoints": [{"Sum": float(self.repairs)}]}

    def stop_execution(self, **asked: str) -> None:
        if not self.allowed:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "StopExecution")
        self.stopped.append(asked["executionArn"])


def repaired(status: str, error: str, pending: int = 0) -> dict[str, Any]:
    counts = {"PENDING": pending, "RUNNING": 0, "CANCELLED": 1}
    return {"status": status, "counts": counts, "failure": {"error": error, "message": "Why."}}


@pytest.fixture
def stopping(make_subject, monkeypatch):
    """A stack whose batch is in a state after its execution was stopped."""

    def make(stops: Stops, after: dict[str, Any], stage: str | None = "dev"):
        running = {"counts": {"RUNNING": 1}}
        found = make_subject(
            {"stepfunctions": stops, "cloudwatch": stops},
            stage=stage,
            client=SimpleNamespace(
                batches=SimpleNamespace(get=lambda _: running, wait=lambda *_: after)
            ),
        )
        execution = {"arn": "arn:of-the-batch"}
        monkeypatch.setattr(found, "batch", lambda _: {"batchId": "b", "execution": execution})
        return found

    monkeypatch.setattr(subject, "PAUSE", 0.0)
    return make


def test_a_stopped_batch_is_repaired(stopping):
    stops = Stops()
    seen = batches.check_repair(stopping(stops, repaired("FAILED", "ExecutionAborted")), SITES)
    assert seen == "the batch is FAILED, ExecutionAborted: Why."
    assert stops.stopped == ["arn:of-the-batch"]


@pytest.mark.parametrize(
    "after",
    [
        repaired("RUNNING", "ExecutionAborted"),
        repaired("FAILED", "TooManyFailures"),
        repaired("FAILED", "ExecutionAborted", pending=1),
    ],
    ids=["running", "another error", "open tasks"],
)
def test_a_stopped_batch_that_is_not_repaired_fails_the_check(stopping, after):
    with pytest.raises(Broken):
        batches.check_repair(stopping(Stops(), after), SITES)


@pytest.mark.parametrize(
    ("stage", "stops", "reason"),
    [
        ("prod", Stops(), "no execution is stopped in prod"),
        (None, Stops(), "without the tag `stage`"),
        ("dev", Stops(3), "would fire the alarm|more would fire"),
        ("dev", Stops(allowed=False), "may not stop an execution"),
    ],
    ids=["prod", "unknown", "alarm", "permission"],
)
def test_no_execution_is_stopped_where_that_does_harm_or_is_not_allowed(
    stopping, stage, stops, reason
):
    found = stopping(stops, repaired("FAILED", "ExecutionAborted"), stage)
    with pytest.raises(NotChecked, match=reason):
        batches.check_repair(found, SITES)
    assert stops.stopped == []
