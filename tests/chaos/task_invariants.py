"""The invariants of a task: what was promised, compared with what happened. Calls no cloud.

Nothing is taken from the code under test, except the names of the statuses.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.recorder import Change, Item

OPEN = {"PENDING", "RUNNING"}
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
RANK = {"PENDING": 0, "RUNNING": 1, "COMPLETED": 2, "FAILED": 2, "CANCELLED": 2}
# What the emulator reports about executions that ran when it was killed. AWS does not.
RESTARTED = "States.ServiceRestart"
LOST = "ExecutionLost"


@dataclass(frozen=True)
class Promise:
    """A task that was accepted, and the ends that it may have.

    An end is `COMPLETED`, `CANCELLED`, or the error of a task that FAILED.
    """

    task_id: str
    path: str
    ends: frozenset[str]


@dataclass(frozen=True)
class Stored:
    """An object of the bucket."""

    size: int
    sha256: str


@dataclass
class AuditReport:
    """The result of the checks after one fault. Each entry of a list names a task and what is
    wrong."""

    tasks: int
    batches: int = 0
    ended: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.ended == self.tasks and not (self.lost or self.doubled or self.wrong)


def audit(
    promises: Sequence[Promise],
    items: Sequence[Item],
    changes: Iterable[Change],
    executions: Mapping[str, Mapping[str, Any]],
    objects: Mapping[str, Stored],
) -> AuditReport:
    """Check the invariants of every task of one fault.

    Args:
        promises: the tasks that were accepted.
        items: the tasks of the table that belong to this fault.
        changes: of these tasks, in their order.
        executions: of the state machine, by ARN: `status`, `error`.
        objects: of the bucket, by key.
    """
    report = AuditReport(len(promises))
    by_id = {item["taskId"]: item for item in items}
    stories: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        stories[change.new["taskId"]].append(change)
    for promise in promises:
        item = by_id.pop(promise.task_id, None)
        if item is None:
            report.lost.append(f"{promise.task_id}: accepted, and not in the table")
            continue
        if item["status"] not in ENDED:
            report.lost.append(f"{promise.task_id}: still {item['status']} ({promise.path})")
            continue
        report.ended += 1
        problems = [*_end(promise, item), *_result(item, executions, objects)]
        story = stories[promise.task_id]
        problems += _executions(promise, story, executions)
        doubled, wrong = read(story, item)
        report.doubled += [f"{promise.task_id}: {what}" for what in doubled]
        report.wrong += [f"{promise.task_id}: {what}" for what in problems + wrong]
    report.wrong += _differences(promises, items)
    report.doubled += [f"{task_id}: nobody was promised this task" for task_id in by_id]
    return report


def _differences(promises: Sequence[Promise], items: Iterable[Item]) -> Iterable[str]:
    """Report sources with several results: the same source must always give the same bytes."""
    path_of = {promise.task_id: promise.path for promise in promises}
    results: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        path = path_of.get(item["taskId"])
        if path and "result" in item:
            results[path].add(item["result"]["sha256"])
    return [
        f"{path} has several results: {all_}" for path, all_ in results.items() if len(all_) > 1
    ]


def _end(promise: Promise, item: Item) -> Iterable[str]:
    failure = item.get("failure", {})
    end = failure.get("error", "no error") if item["status"] == "FAILED" else item["status"]
    if end not in promise.ends:
        allowed = ", ".join(sorted(promise.ends))
        yield f"ended {end} ({failure.get('message')}) and not {allowed} ({promise.path})"
    if (item["status"] == "FAILED") != bool(failure.get("step") and failure.get("message")):
        yield f"is {item['status']} with the failure {failure}"
    if (item["status"] == "COMPLETED") != ("result" in item):
        yield f"is {item['status']} with the result {item.get('result')}"
    if "completedAt" not in item or "active" in item:
        yield f"has ended but is {sorted(item)}"


def _result(
    item: Item, executions: Mapping[str, Mapping[str, Any]], objects: Mapping[str, Stored]
) -> Iterable[str]:
    if item["status"] != "COMPLETED":
        return
    result = item.get("result", {})
    stored = objects.get(result.get("key", ""))
    if stored is None:
        yield f"is COMPLETED without an object at {result.get('key')}"
    elif (stored.size, stored.sha256) != (result["bytes"], result["sha256"]):
        yield f"has a result that differs from its object: {result}, {stored}"
    execution = executions.get(item["execution"], {})
    # Stopped just after it had written COMPLETED: the record is right.
    fine = execution.get("status") in {"SUCCEEDED", "ABORTED"}
    if not fine and execution.get("error") != RESTARTED:
        how = [execution.get(name) for name in ("status", "error")]
        yield f"is COMPLETED by an execution that is {how}"


def _executions(
    promise: Promise, story: Sequence[Change], executions: Mapping[str, Mapping[str, Any]]
) -> Iterable[str]:
    """Report executions that FAILED although their attempt did not."""
    failed = {
        int(change.new["attempt"]): change.new["failure"].get("error")
        for change in story
        if change.new["status"] == "FAILED"
    }
    claims = {
        int(change.new["attempt"]): change.new["execution"]
        for change in story
        if change.new["status"] == "RUNNING"
    }
    for arn, execution in executions.items():
        task_id, _, number = arn.split(":")[7].rpartition("-")  # an EXPRESS one has an id, too
        if task_id != promise.task_id or execution["status"] != "FAILED":
            continue
        attempt, error = int(number), execution.get("error")
        # The failure of an execution that could not write its end and sent no event: it was lost,
        # or another one has claimed the task.
        mute = ":express:" in arn and error in promise.ends
        mute = mute and (failed.get(attempt) == LOST or claims.get(attempt, arn) != arn)
        if not mute and error not in {RESTARTED, failed.get(attempt)}:
            yield f"attempt {attempt} ended {failed.get(attempt)}, its execution FAILED: {error}"


def read(story: Sequence[Change], item: Item) -> tuple[list[str], list[str]]:
    """Check the writes to a task in order; return what happened twice, and what must never
    happen."""
    doubled: list[str] = []
    wrong: list[str] = []
    ends: defaultdict[int, list[str]] = defaultdict(list)
    claims: defaultdict[int, set[str]] = defaultdict(set)
    before: Item | None = None
    for change in story:
        now = change.new
        if change.found or change.lost:  # the emulator lost the last second before the kill
            before, ends, claims = None, defaultdict(list), defaultdict(set)
            if change.lost:
                continue
        elif change.old is None and before is not None:
            doubled.append("was created twice")
        if before is not None and _is_delivery(before, now):
            before = now
            continue
        if before is not None:
            wrong += _step(before, now)
        attempt = int(now["attempt"])
        # No other attribute of a task that has ended may change: each such write counts.
        if now["status"] in ENDED:
            ends[attempt].append(now["status"])
        if now["status"] == "RUNNING":
            claims[attempt].add(now.get("execution", "nobody"))
        before = now
    doubled += [f"attempt {a} ended {len(e)} times: {e}" for a, e in ends.items() if len(e) > 1]
    doubled += [f"attempt {a} was claimed by {c}" for a, c in claims.items() if len(c) > 1]
    if before != item:
        wrong.append(f"is {item['status']}, which the stream does not tell")
    if before and sorted(ends) != list(range(min(ends, default=1), int(before["attempt"]) + 1)):
        wrong.append(f"has attempts without an end: {dict(ends)}")
    return doubled, wrong


def _is_delivery(before: Item, now: Item) -> bool:
    """Whether only the outcome of a webhook was written to a task that has ended."""
    same = all(before.get(name) == now.get(name) for name in {*before, *now} - {"delivery"})
    return same and now["status"] in ENDED and "callbackUrl" in now


def _step(before: Item, now: Item) -> Iterable[str]:
    """Report what is wrong with one write to a task."""
    one, other = (f"{i['status']} of attempt {i['attempt']}" for i in (before, now))
    if now["attempt"] == before["attempt"]:
        if RANK[now["status"]] < RANK[before["status"]]:
            yield f"went backwards from {one} to {other}"
    elif now["attempt"] != before["attempt"] + 1 or now["status"] != "PENDING":
        yield f"went from {one} to {other}"
    elif before["status"] not in {"FAILED", "CANCELLED"}:
        yield f"was tried again while it was {one}"
