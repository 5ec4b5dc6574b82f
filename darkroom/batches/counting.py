"""Count the tasks of a batch in bounded parts: a pass over the index `batch`, from call to call.

A pass reads every entry once. Passes never share counts, so a wrong value cannot outlive its pass.

- A call of the batch function continues a pass for `PAGE_SECONDS` at most. The state machine keeps
  the pass between two calls, as the text in its variable `cursor`.
- The end of a pass over a large batch is stored in the batch's item, as `counted`. A request shows
  that. It counts a small batch itself.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.batches.model import BatchStatus, Counts, displayed_counts
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.tasks.model import OPEN, Status

COUNTED_BY_REQUESTS = 50_000
"""A request counts no batch with more tasks than this. It reads about seven pages of 1 MB."""


@dataclass(frozen=True)
class Pass:
    """A pass over the index of a batch: how far it is, and what it has counted so far."""

    after: str | None = None
    """The cursor of the last entry that was counted; None at the beginning."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """The number of tasks by status."""

    @classmethod
    def read(cls, text: str) -> "Pass":
        """Return the pass that `text` describes; "" is one that begins."""
        return cls(*json.loads(text)) if text else cls()

    def text(self) -> str:
        """Return the pass as text: `["eyJ…", {"COMPLETED": 10000}]`."""
        return json.dumps([self.after, self.counted], separators=(",", ":"))

    def plus(self, counted: Mapping[str, int], after: str | None) -> "Pass":
        """Return the pass after it has counted more tasks, up to the cursor `after`."""
        return Pass(after, dict(Counter(self.counted) + Counter(counted)))


def is_large(counted: Mapping[str, int]) -> bool:
    """Whether a batch has more tasks than a request counts."""
    return sum(counted.values()) > COUNTED_BY_REQUESTS


def counts_to_show(item: Mapping[str, Any], index: BatchTaskIndex) -> Counts:
    """Return the counts by status that a request shows of a batch.

    For a large batch they are those of the last pass of its state machine. Before the first one has
    ended, its first tasks are counted, and the others are PENDING once the total is known.
    A settled batch has no open task. If no pass has seen its end, because its execution was lost or
    an earlier release settled it, all its tasks are counted, however long that takes.
    """
    settled = item["status"] != BatchStatus.RUNNING and "active" not in item
    last: Mapping[str, int] | None = item.get("counted")
    if last and not (settled and any(last.get(status) for status in OPEN)):
        return displayed_counts(item, last)
    counted, following = index.count(
        item["batchId"], should_continue=lambda so_far: settled or not is_large(so_far)
    )
    if following and "total" in item:
        counted[Status.PENDING] += max(item["total"] - counted.total(), 0)
    return displayed_counts(item, counted)
