"""The metrics, as the log lines from which CloudWatch extracts them."""

import json
from typing import Any

import pytest

from darkroom import errors
from darkroom.runtime import metrics

DONE = {
    "taskId": "5b0c", "status": "COMPLETED", "attempt": 1, "result": {"bytes": 900},
    "createdAt": "2026-11-25T04:26:32.500Z", "completedAt": "2026-11-25T04:26:34.000Z",
}  # fmt: skip
CANCELLED = DONE | {"status": "CANCELLED", "result": None}


def failed(error: str) -> dict[str, Any]:
    failure = {"step": "Download", "error": error, "message": "No."}
    return DONE | {"status": "FAILED", "result": None, "failure": failure}


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "stack")
    monkeypatch.setattr(metrics.metrics, "service", "stack")


Counted = dict[tuple[str, frozenset[tuple[str, str]]], list[float]]


def counted(capsys: pytest.CaptureFixture[str]) -> Counted:
    """Each metric by its name and the dimensions that it has beside `service`."""
    found: Counted = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Darkroom"
        (names,) = directive["Dimensions"]
        dimensions = {name: line[name] for name in names}
        assert dimensions.pop("service") == "stack"
        for metric in directive["Metrics"]:
            key = (metric["Name"], frozenset(dimensions.items()))
            found.setdefault(key, []).extend(line[metric["Name"]])
    return found


def by(**dimensions: str) -> frozenset[tuple[str, str]]:
    return frozenset(dimensions.items())


def test_every_completion_adds_a_one_or_a_zero_to_each_metric(capsys) -> None:
    metrics.count_ended_tasks([DONE, failed("SourceNotFound"), failed("ExecutionLost"), CANCELLED])

    found = counted(capsys)
    assert found["Completed", by()] == [1, 0, 0, 0]
    assert found["Failed", by()] == [0, 1, 1, 0]
    assert found["Cancelled", by()] == [0, 0, 0, 1]
    assert found["Faults", by()] == [0, 0, 1, 0]
    assert found["Failed", by(error="SourceNotFound")] == [1]
    assert found["Failed", by(error="ExecutionLost")] == [1]
    assert found["BytesOut", by()] == [900]
    assert found["TaskSeconds", by()] == [1.5]


def test_a_later_attempt_is_not_measured_from_the_first_post(capsys) -> None:
    metrics.count_ended_tasks([DONE | {"attempt": 2}])

    assert ("TaskSeconds", by()) not in counted(capsys)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("SourceNotFound", False), ("SourceUnavailable", False), ("ImageTooLarge", False),
        ("ServiceUnavailable", True), ("DeadLettered", True), ("ResultCorrupted", True),
        ("States.Timeout", True), ("KeyError", True), ("describe", True),
    ],
)  # fmt: skip
def test_a_fault_is_a_failure_without_a_cause_in_source_or_image(error: str, fault: bool) -> None:
    assert metrics.is_fault(error) is fault


def test_a_step_is_measured_by_its_name_with_what_it_adds(capsys) -> None:
    @metrics.measured("Download")
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        metrics.metrics.add_metric("BytesIn", "Bytes", 7)
        return event

    assert handler({"a": 1}) == {"a": 1}

    found = counted(capsys)
    (seconds,) = found["StepSeconds", by(step="Download")]
    assert 0 <= seconds < 1
    assert found["BytesIn", by(step="Download")] == [7]


def test_a_step_that_failed_is_not_measured(capsys) -> None:
    @metrics.measured("Download")
    def handler(_: dict[str, Any]) -> dict[str, Any]:
        raise errors.SourceNotFound("It answered 404.")

    with pytest.raises(errors.SourceNotFound):
        handler({})

    assert counted(capsys) == {}


def test_webhooks_are_counted_by_outcome_and_repairs_even_if_there_were_none(capsys) -> None:
    metrics.count_webhook("Retried")
    metrics.count_repairs(0)

    assert counted(capsys) == {("Webhooks", by(outcome="Retried")): [1], ("Repairs", by()): [0]}
