"""The invariants of a batch, checked when nothing is in progress any more. Calls no cloud.

`task_invariants` checks each task of a batch like a single task. This module adds what must hold
for the batch itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.recorder import Change, Item
from tests.chaos.task_invariants import ENDED, LOST, RESTARTED, AuditReport, Promise

OPEN_OR_ENDED = {"PENDING", "RUNNING", *ENDED}
RED = {"FAILED", "TIMED_OUT"}
ALWAYS_ALLOWED = frozenset({"COMPLETED", "TooManyFailures"})
"""Which of the two it must be follows from the tasks that FAILED: see `_verdict`."""


@dataclass(frozen=True)
class BatchItem:
    """One item of a manifest: a line, a row or an object."""

    path: str
    """Items of the same path have the same bytes."""
    end: str
    """The end of its task when nothing else goes wrong, as in `Promise`."""
    source: Mapping[str, str] | None
    """The `source` of its task; None for a line that is no source."""


@dataclass(frozen=True)
class BatchPromise:
    """A batch that was accepted.

    An end is `COMPLETED`, `CANCELLED`, or the error of a batch that FAILED.
    """

    batch_id: str
    items: tuple[BatchItem, ...]
    ends: frozenset[str] = ALWAYS_ALLOWED
    tasks_may_fail_with: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BatchEvidence:
    """What was found about one batch. Each field may be empty if the batch was lost."""

    item: Item | None
    """Of the table of batches."""
    tasks: Sequence[Item] = ()
    """Of the table of tasks."""
    changes: Sequence[Change] = ()
    """Of the item, in their order."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """The answer of GET /batches/{batchId}."""
    executions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of the machine of batches, by name: `status`, `error`."""


def promised_tasks(promise: BatchPromise, found: BatchEvidence) -> list[Promise]:
    """Return the promise for each task that the batch has.

    A second task of an item, or a task without an item, was not promised: the audit of tasks
    reports it as a duplicate.
    """
    completed = found.item is not None and found.item["status"] == "COMPLETED"
    # In a COMPLETED batch that was cancelled and retried, each task has had another attempt.
    more = promise.tasks_may_fail_with | (frozenset() if completed else {"CANCELLED"})
    by_index: dict[int, Item] = {}
    for task in found.tasks:
        by_index.setdefault(int(task["batchIndex"]), task)
    return [
        Promise(by_index[index]["taskId"], item.path, more | {item.end})
        for index, item in enumerate(promise.items)
        if index in by_index
    ]


def audit_batch(promise: BatchPromise, found: BatchEvidence, report: AuditReport) -> None:
    """Add to the report what is lost, duplicated or wrong in one batch."""
    report.batches += 1
    item, name = found.item, f"batch {promise.batch_id}"
    if item is None:
        report.lost.append(f"{name}: accepted, and not in the table")
        return
    if item["status"] not in ENDED:
        report.lost.append(f"{name}: still {item['status']} in run {item['run']}")
        return
    report.lost += [f"{name}: {what}" for what in _missing_items(promise, found, item)]
    doubled, wrong = _story(found.changes, item)
    report.doubled += [f"{name}: {what}" for what in doubled]
    problems = [
        *_end(promise, item),
        *_verdict(found, item),
        *_sources(promise, found),
        *_counts(promise, found, item),
        *_execution(promise, found, item),
        *wrong,
    ]
    report.wrong += [f"{name}: {what}" for what in problems]


def _missing_items(promise: BatchPromise, found: BatchEvidence, item: Item) -> Iterable[str]:
    """Name the items without a task. A batch that ended early may not have ingested all of them."""
    failure = item.get("failure", {}).get("error")
    if item["status"] == "COMPLETED" or failure == "TooManyFailures" or item.get("entered"):
        there = {int(task["batchIndex"]) for task in found.tasks}
        for index in sorted(set(range(len(promise.items))) - there):
            yield f"is {item['status']}, and its item {index} has no task"


def _end(promise: BatchPromise, item: Item) -> Iterable[str]:
    failure = item.get("failure", {})
    end = failure.get("error", "no error") if item["status"] == "FAILED" else item["status"]
    if end not in promise.ends:
        yield f"ended {end} ({failure.get('message')}) and not {', '.join(sorted(promise.ends))}"
    if (item["status"] == "FAILED") != bool(failure.get("error") and failure.get("message")):
        yield f"is {item['status']} with the failure {failure}"
    if "completedAt" not in item or "active" in item:
        yield f"has ended but is {sorted(item)}"


def _verdict(found: BatchEvidence, item: Item) -> Iterable[str]:
    """Compare the verdict with the tasks that FAILED and the share of them that is tolerated."""
    failed = sum(task["status"] == "FAILED" for task in found.tasks)
    tolerated = int(item["toleratedFailurePercentage"])
    too_many = failed * 100 > tolerated * int(item.get("total", 0))
    said = item.get("failure", {}).get("error") == "TooManyFailures"
    if (item["status"] == "COMPLETED" and too_many) or (said and not too_many):
        verdict = "TooManyFailures" if said else "COMPLETED"
        yield f"is {verdict} with {failed} of {item.get('total')} FAILED, {tolerated} % tolerated"


def _sources(promise: BatchPromise, found: BatchEvidence) -> Iterable[str]:
    """Compare the source of each task with the item at its index."""
    for task in found.tasks:
        index, source = int(task["batchIndex"]), task["source"]
        if index >= len(promise.items):
            continue  # reported as a task that nobody submitted
        expected = promise.items[index].source
        if source != expected if expected is not None else "problem" not in source:
            yield f"has the source {source} at {index} and not {expected}"


def _counts(promise: BatchPromise, found: BatchEvidence, item: Item) -> Iterable[str]:
    """Compare what the API shows with the tables."""
    shown = found.shown
    counted = Counter(task["status"] for task in found.tasks)
    # If the manifest was not read to the end, the total is the number of ingested items.
    total = int(item.get("total", counted.total()))
    # An item that was not ingested before the end never will be, and counts as cancelled.
    counted["CANCELLED"] += max(total - counted.total(), 0)
    if item["status"] == "COMPLETED" and total != len(promise.items):
        yield f"is COMPLETED with a total of {total} and not {len(promise.items)}"
    if (shown["status"], shown["total"]) != (item["status"], total):
        yield f"is shown as {shown['status']} of {shown['total']}, not {item['status']} of {total}"
    if {status: n for status, n in shown["counts"].items() if n} != +counted:
        yield f"is shown with {shown['counts']}, and its tasks are {dict(counted)}"


def totals(shown: Mapping[str, Any]) -> Iterable[str]:
    """Say whether an answer of the API contradicts itself: this must hold at every moment."""
    if set(shown["counts"]) != OPEN_OR_ENDED:
        yield f"counts {sorted(shown['counts'])}"
    if shown["total"] is not None and sum(shown["counts"].values()) != shown["total"]:
        yield f"has the total {shown['total']}, and its counts are {shown['counts']}"


def _execution(promise: BatchPromise, found: BatchEvidence, item: Item) -> Iterable[str]:
    """Compare the end of the batch with that of the execution of its last run."""
    execution = found.executions.get(f"{promise.batch_id}-{item['run']}")
    if execution is None:
        # Nobody started it before the cancel, and nobody needed to afterwards.
        if item["status"] != "CANCELLED":
            yield f"is {item['status']} without an execution"
        return
    status, error = execution["status"], execution.get("error")
    if status == "RUNNING" or error == RESTARTED:
        return  # reported as not quiet; killed with the local cloud at any moment of its work
    failure = item.get("failure", {}).get("error")
    if item["status"] == "FAILED":
        # An execution that has set its batch FAILED may still fail while it cancels the rest.
        fine = {
            "SUCCEEDED": failure == LOST,
            "ABORTED": failure == "ExecutionAborted" or "ExecutionAborted" in promise.ends,
        }.get(status, error == failure or error in promise.ends)
    else:
        fine = status not in RED
    if not fine:
        yield f"ended {item['status']} ({failure}), its execution {status} ({error})"


def _story(changes: Sequence[Change], item: Item) -> tuple[list[str], list[str]]:
    """Check the writes to a batch in order; return what happened twice, and what must never
    happen."""
    doubled: list[str] = []
    wrong: list[str] = []
    before: Item | None = None
    for change in changes:
        now = change.new
        if change.found or change.lost:  # the emulator lost the last second before the kill
            before = None
            if change.lost:
                continue
        elif change.old is None and before is not None:
            doubled.append("was created twice")
        if before is not None:
            twice, never = _moved(before, now)
            doubled += twice
            wrong += never
        before = now
    if before != item:
        wrong.append(f"is {item['status']}, which the stream does not tell")
    return doubled, wrong


def _moved(before: Item, now: Item) -> tuple[list[str], list[str]]:
    """Check one write to a batch; return what it did twice, and what is wrong with it."""
    one, other = (f"{i['status']} of run {i['run']}" for i in (before, now))
    if now["run"] != before["run"]:
        fine = now["run"] == before["run"] + 1 and now["status"] == "RUNNING"
        fine = fine and before["status"] in ENDED
        return [], [] if fine else [f"went from {one} to {other}"]
    if before["status"] not in ENDED:
        return [], []
    if now["status"] not in ENDED:
        return [], [f"went backwards from {one} to {other}"]
    reported = ("status", "completedAt", "failure")
    again = [now.get(name) for name in reported] != [before.get(name) for name in reported]
    changed = "total" in before and now.get("total") != before["total"]
    return (
        [f"ended again, {one} and then {other}"] if again else [],
        [f"had a total of {before['total']} and then {now.get('total')}"] if changed else [],
    )
