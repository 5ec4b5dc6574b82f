"""The fault suite reports each violation of a batch's invariants, so that zero violations are a
result."""

import dataclasses
from typing import Any

import pytest

from tests.chaos.batch_invariants import (
    ALWAYS_ALLOWED,
    BatchEvidence,
    BatchItem,
    BatchPromise,
    audit_batch,
    promised_tasks,
    totals,
)
from tests.chaos.recorder import Change
from tests.chaos.task_invariants import AuditReport

ITEMS = (
    BatchItem("/a.jpg", "COMPLETED", {"imageUrl": "http://x/a.jpg"}),
    BatchItem("", "NoSource", None),
)
PROMISE = BatchPromise("b", ITEMS)
RUNNING = {
    "batchId": "b",
    "run": 1,
    "status": "RUNNING",
    "toleratedFailurePercentage": 50,
    "total": 2,
    "entered": True,
    "active": "3",
}
SETTLED = {k: v for k, v in RUNNING.items() if k != "active"} | {"completedAt": "now"}
COMPLETED = SETTLED | {"status": "COMPLETED"}
CANCELLED = SETTLED | {"status": "CANCELLED"}
FAILED = SETTLED | {"status": "FAILED", "failure": {"error": "TooManyFailures", "message": "2"}}
ABORTED = FAILED | {"failure": {"error": "ExecutionAborted", "message": "By hand."}}
AGAIN = RUNNING | {"run": 2}
GOOD = {"taskId": "0", "batchIndex": 0, "status": "COMPLETED", "source": ITEMS[0].source}
BAD = {"taskId": "1", "batchIndex": 1, "status": "FAILED", "source": {"problem": "no"}}
WORSE = GOOD | {"status": "FAILED"}
GREEN, RED = {"status": "SUCCEEDED"}, {"status": "FAILED", "error": "TooManyFailures"}
NONE = dict.fromkeys(["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"], 0)


def shown(status: str, total: int = 2, **counts: int) -> dict[str, Any]:
    return {"status": status, "total": total, "counts": NONE | counts}


DONE = shown("COMPLETED", COMPLETED=1, FAILED=1)


def audited(*story: dict[str, Any], promise: BatchPromise = PROMISE, **given: Any) -> AuditReport:
    """Check a batch with these writes; values that are not given are those of a COMPLETED one."""
    changes = [Change(new, old) for new, old in zip(story, [None, *story], strict=False)]
    last = story[-1] if story else None
    usual = {
        "item": last,
        "tasks": [GOOD, BAD],
        "changes": changes,
        "shown": DONE,
        "executions": {f"b-{last['run']}": GREEN} if last else {},
    }
    report = AuditReport(0)
    audit_batch(promise, BatchEvidence(**(usual | given)), report)
    return report


def problems(report: AuditReport) -> list[str]:
    return [*report.lost, *report.doubled, *report.wrong]


def allowing(*ends: str) -> BatchPromise:
    return dataclasses.replace(PROMISE, ends=ALWAYS_ALLOWED | set(ends))


STOPPED = {
    "promise": allowing("ExecutionAborted"),
    "tasks": [GOOD],
    "shown": shown("FAILED", COMPLETED=1, CANCELLED=1),
}


@pytest.mark.parametrize(
    "report",
    [
        audited(RUNNING, COMPLETED),
        audited(RUNNING, CANCELLED, AGAIN, COMPLETED | {"run": 2}),
        audited(
            RUNNING,
            FAILED | {"active": "3"},
            FAILED,
            tasks=[WORSE, BAD],
            shown=shown("FAILED", FAILED=2),
            executions={"b-1": RED},
        ),
        audited(
            RUNNING | {"entered": False},
            ABORTED | {"entered": False},
            executions={"b-1": {"status": "ABORTED"}},
            **STOPPED,
        ),
        audited(
            RUNNING,
            CANCELLED,
            promise=allowing("CANCELLED"),
            shown=shown("CANCELLED", COMPLETED=1, FAILED=1),
            executions={},
        ),
        audited(COMPLETED, changes=[Change(RUNNING), Change(COMPLETED, found=True)]),
        audited(
            COMPLETED,
            changes=[
                Change(RUNNING),
                Change(RUNNING, lost=True),
                Change(RUNNING),
                Change(COMPLETED, RUNNING),
            ],
        ),
    ],
    ids=[
        "completed",
        "retried",
        "too many failures",
        "stopped",
        "never started",
        "restarted",
        "created anew",
    ],
)
def test_a_batch_that_ended_as_promised_passes(report: AuditReport):
    assert problems(report) == []
    assert report.batches == 1


@pytest.mark.parametrize(
    ("kind", "what", "report"),
    [
        ("lost", "not in the table", audited()),
        ("lost", "still RUNNING", audited(RUNNING)),
        ("lost", "item 1 has no task", audited(RUNNING, COMPLETED, tasks=[GOOD])),
        ("doubled", "ended again", audited(RUNNING, COMPLETED, FAILED)),
        ("doubled", "ended again", audited(RUNNING, COMPLETED, COMPLETED | {"completedAt": "x"})),
        ("doubled", "created twice", audited(changes=[Change(RUNNING)] * 2, item=COMPLETED)),
        ("wrong", "ended CANCELLED", audited(RUNNING, CANCELLED)),
        ("wrong", "ended ExecutionAborted", audited(RUNNING, ABORTED)),
        ("wrong", "with the failure", audited(RUNNING, COMPLETED | {"failure": FAILED["failure"]})),
        ("wrong", "has ended but is", audited(RUNNING, COMPLETED | {"active": "3"})),
        ("wrong", "50 % tolerated", audited(RUNNING, COMPLETED, tasks=[WORSE, BAD])),
        ("wrong", "50 % tolerated", audited(RUNNING, FAILED)),
        (
            "wrong",
            "has the source",
            audited(RUNNING, COMPLETED, tasks=[GOOD, BAD | {"batchIndex": 0}]),
        ),
        (
            "wrong",
            "has the source",
            audited(RUNNING, COMPLETED, tasks=[GOOD, GOOD | {"batchIndex": 1}]),
        ),
        (
            "wrong",
            "its tasks are",
            audited(RUNNING, COMPLETED, shown=shown("COMPLETED", COMPLETED=2)),
        ),
        (
            "wrong",
            "is shown as RUNNING",
            audited(RUNNING, COMPLETED, shown=DONE | {"status": "RUNNING"}),
        ),
        ("wrong", "of 3, not", audited(RUNNING, COMPLETED, shown=DONE | {"total": 3})),
        ("wrong", "with a total of 1", audited(RUNNING | {"total": 1}, COMPLETED | {"total": 1})),
        ("wrong", "its execution FAILED", audited(RUNNING, COMPLETED, executions={"b-1": RED})),
        ("wrong", "without an execution", audited(RUNNING, COMPLETED, executions={})),
        (
            "wrong",
            "without an execution",
            audited(RUNNING, CANCELLED, AGAIN, COMPLETED | {"run": 2}, executions={"b-1": GREEN}),
        ),
        ("wrong", "its execution SUCCEEDED", audited(RUNNING, FAILED)),
        ("wrong", "its execution SUCCEEDED", audited(RUNNING, ABORTED, **STOPPED)),
        (
            "wrong",
            "its execution FAILED",
            audited(RUNNING, CANCELLED, promise=allowing("CANCELLED"), executions={"b-1": RED}),
        ),
        ("wrong", "went backwards", audited(RUNNING, COMPLETED, RUNNING, COMPLETED)),
        (
            "wrong",
            "RUNNING of run 1 to RUNNING of run 2",
            audited(RUNNING, AGAIN, COMPLETED | {"run": 2}),
        ),
        ("wrong", "to COMPLETED of run 2", audited(RUNNING, CANCELLED, COMPLETED | {"run": 2})),
        (
            "wrong",
            "CANCELLED of run 1 to RUNNING of run 3",
            audited(RUNNING, CANCELLED, AGAIN | {"run": 3}, COMPLETED | {"run": 3}),
        ),
        ("wrong", "had a total of 2", audited(RUNNING, COMPLETED, COMPLETED | {"total": 3})),
        (
            "wrong",
            "the stream does not tell",
            audited(RUNNING, COMPLETED, changes=[Change(RUNNING)]),
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_violation_is_found(kind: str, what: str, report: AuditReport):
    assert any(what in said for said in getattr(report, kind)), report
    assert not dataclasses.replace(report, tasks=0, ended=0).passed


def test_each_item_is_promised_one_task_and_only_its_own_end():
    twice = GOOD | {"taskId": "2"}
    beyond = GOOD | {"taskId": "3", "batchIndex": 2}
    evidence = BatchEvidence(COMPLETED, [GOOD, BAD, twice, beyond])

    promised = promised_tasks(PROMISE, evidence)

    assert [(p.task_id, p.ends) for p in promised] == [("0", {"COMPLETED"}), ("1", {"NoSource"})]


def test_a_task_may_be_cancelled_only_if_its_batch_did_not_complete():
    [first, _] = promised_tasks(PROMISE, BatchEvidence(ABORTED, [GOOD, BAD]))
    assert first.ends == {"COMPLETED", "CANCELLED"}


@pytest.mark.parametrize(
    "answer", [DONE | {"total": 3}, DONE | {"counts": {"COMPLETED": 1, "FAILED": 1}}]
)
def test_an_answer_that_contradicts_itself_is_found(answer: dict[str, Any]):
    assert list(totals(answer))


@pytest.mark.parametrize("total", [2, None])
def test_a_consistent_answer_is_accepted(total: int | None):
    assert list(totals(DONE | {"total": total})) == []
