"""The scenarios of the state machine of batches, each with the end that the Amazon States Language
requires.

A Choice goes to the `Next` of the first condition that is true, or to `Default`. `Assign` changes
variables after the state (https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html).
Without `Catch`, the error of a state is that of the execution.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from darkroom.batches.counting import Pass
from tests.support.engines.runs import Result
from tests.support.engines.scripted_functions import (
    BATCH_STATES,
    THROTTLED,
    Script,
    raises,
    returns,
)

BEGIN = "Begin Purpose"
WATCH = "Pause Watch WhatNext"
PAGE = "CancelPage MoreToCancel"
CANCEL = f"{PAGE} LetEnterEnd {PAGE} Settle HowItEnded"
"""A round finds no open task, and so does one that began late enough."""
DELETE = "DeletePage MoreToDelete"

CURSOR = Pass("eyJ", {"PENDING": 3}).text()
"""It has quotation marks, as those of the functions."""

REFUSED = raises("ClientError", "An error occurred: the table does not exist.")
TOO_MANY = raises("ManifestTooLarge", "The manifest has more than 1,000,000 lines.")
NOTHING_CHANGED = (
    "Run 1 of batch <batch> is not the current one, was ended elsewhere, or does not exist. "
    "Nothing was changed. To process the failed and cancelled tasks of a batch again, retry it: "
    "POST /batches/{batchId}/retry. Do not redrive its executions, and do not start one by hand."
)
FAILED = {"error": "TooManyFailures", "message": "3 of 4 tasks failed."}

Sent = tuple[str, dict[str, Any]]
"""An action of the batch function, and what it was sent beyond the batch and the run."""


@dataclass(frozen=True)
class BatchScenario:
    """One execution: its input, what its functions answer, and its expected path and end."""

    name: str
    path: str
    sent: Sequence[Sent]
    input: Mapping[str, Any] = field(default_factory=dict)
    """What differs from a first run whose items have been ingested."""
    script: Script = field(default_factory=dict)
    enters: bool = False
    """Whether items are ingested: by one invocation of Enter."""
    error: str | None = None
    cause: Any = None
    """`<batch>` stands for the batch."""
    by_hand: bool = False
    """Whether the execution has a name that is not the run's."""
    redriven: bool = False

    @property
    def whole_input(self) -> dict[str, Any]:
        first = {"action": "run", "run": 1, "reader": "none", "key": "batches/b"}
        rest = {"retry": False, "pause": 0, "total": 4}
        return {"batchId": str(uuid.uuid5(uuid.NAMESPACE_URL, self.name)), **first, **rest} | {
            **self.input
        }

    def _cause(self) -> Any:
        if isinstance(self.cause, str):
            return self.cause.replace("<batch>", self.whole_input["batchId"])
        return self.cause

    def expected(self) -> Result:
        """The result that every engine must report."""
        batch = {"batchId": self.whole_input["batchId"], "run": 1}
        calls: dict[str, int] = {"Enter": 1} if self.enters else {}
        for action, _ in self.sent:
            calls[BATCH_STATES[action]] = calls.get(BATCH_STATES[action], 0) + 1
        return Result(
            path=self.path.split(),
            calls=calls,
            received=[{"action": action, **batch, **more} for action, more in self.sent],
            status="FAILED" if self.error else "SUCCEEDED",
            error=self.error,
            cause=self._cause(),
            output=None if self.error else {},
        )


def page(cursor: str = "") -> dict[str, Any]:
    return {"cursor": cursor}


CANCELLED: list[Sent] = [("cancel", page()), ("cancel", page()), ("settle", {})]
WATCHED: Sent = ("watch", {"total": 4, "cursor": ""})


def caught(error: str, cause: Any) -> Sent:
    return "fail", {"caught": {"Error": error, "Cause": cause}}


SCENARIOS = [
    BatchScenario(
        "lines are ingested and all tasks go well",
        f"{BEGIN} Reader EnterLines Again {WATCH} Completed",
        [WATCHED],
        input={"reader": "lines", "total": 0},
        enters=True,
    ),
    BatchScenario(
        "objects are ingested and all tasks go well",
        f"{BEGIN} Reader EnterObjects Again {WATCH} Completed",
        [WATCHED],
        input={"reader": "objects", "total": 0},
        enters=True,
    ),
    BatchScenario(
        "a manifest is prepared first",
        f"{BEGIN} Reader PrepareManifest EnterLines Again {WATCH} Completed",
        [("prepare", {}), WATCHED],
        input={"reader": "manifest", "total": 0},
        enters=True,
    ),
    BatchScenario(
        "tasks that are open are waited for",
        f"{BEGIN} Reader Again {WATCH} {WATCH} Completed",
        [WATCHED, WATCHED],
        script={"Watch": [returns({"next": "wait"}), returns({"next": "done"})]},
    ),
    BatchScenario(
        "a count that one call does not complete is continued, and the next one begins anew",
        f"{BEGIN} Reader Again Pause Watch WhatNext Watch WhatNext {WATCH} Completed",
        [WATCHED, ("watch", {"total": 4, "cursor": CURSOR}), WATCHED],
        script={
            "Watch": [
                returns({"next": "count", "cursor": CURSOR}),
                returns({"next": "wait"}),
                returns({"next": "done"}),
            ]
        },
    ),
    BatchScenario(
        "too many tasks failed",
        f"{BEGIN} Reader Again {WATCH} {CANCEL} BatchFailed",
        [WATCHED, *CANCELLED],
        script={"Watch": [returns({"next": "failed", "failure": FAILED})]},
        error=FAILED["error"],
        cause=FAILED["message"],
    ),
    BatchScenario(
        "a batch that was ended elsewhere is left alone",
        f"{BEGIN} Reader Again {WATCH} NotTheOwner Superseded",
        [WATCHED],
        script={"Watch": [returns({"next": "gone"})]},
    ),
    BatchScenario(
        "a retry waits, and retries page by page",
        f"{BEGIN} LetTheLastRunEnd Reader Again RetryPage MoreToRetry RetryPage MoreToRetry "
        f"{WATCH} Completed",
        [("retry", page()), ("retry", page("a")), WATCHED],
        input={"retry": True, "pause": 1},
        script={"RetryPage": [returns(page("a")), returns(page())]},
    ),
    BatchScenario(
        "a cancel continues until a late round finds no open task on any page",
        f"{BEGIN} {PAGE} {PAGE} LetEnterEnd {PAGE} {PAGE} LetEnterEnd {PAGE} "
        "Settle HowItEnded Cancelled",
        [
            *[("cancel", page(cursor)) for cursor in ("", "a", "", "a", "")],
            ("settle", {}),
        ],
        input={"action": "cancel"},
        script={
            "CancelPage": [
                returns({"cursor": "a", "open": 0}),
                returns({"cursor": "", "open": 0}),
                returns({"cursor": "a", "open": 1}),
                returns({"cursor": "", "open": 0}),
            ]
        },
    ),
    BatchScenario(
        "a late round of a cancel reads all pages",
        f"{BEGIN} {PAGE} LetEnterEnd {PAGE} {PAGE} Settle HowItEnded Cancelled",
        [*[("cancel", page(cursor)) for cursor in ("", "", "a")], ("settle", {})],
        input={"action": "cancel"},
        script={
            "CancelPage": [
                returns({"cursor": "", "open": 0}),
                returns({"cursor": "a", "open": 0}),
                returns({"cursor": "", "open": 0}),
            ]
        },
    ),
    BatchScenario(
        "a batch that was settled is deleted in one round",
        f"{BEGIN} {DELETE} {DELETE} Forget Deleted",
        [("delete", page()), ("delete", page("a")), ("forget", {})],
        input={"action": "delete", "pause": 0},
        script={
            "DeletePage": [
                returns({"cursor": "a", "open": 0}),
                returns({"cursor": "", "open": 0}),
            ]
        },
    ),
    BatchScenario(
        "a batch that had just ended is deleted by a late round",
        f"{BEGIN} {DELETE} LetStepsEnd {DELETE} Forget Deleted",
        [("delete", page()), ("delete", page()), ("forget", {})],
        input={"action": "delete", "pause": 1},
    ),
    BatchScenario(
        "a deletion continues until a round has left no task on any page",
        f"{BEGIN} {DELETE} {DELETE} LetStepsEnd {DELETE} Forget Deleted",
        [*[("delete", page(cursor)) for cursor in ("", "a", "")], ("forget", {})],
        input={"action": "delete", "pause": 0},
        script={
            "DeletePage": [
                returns({"cursor": "a", "open": 1}),
                returns({"cursor": "", "open": 0}),
                returns({"cursor": "", "open": 0}),
            ]
        },
    ),
    BatchScenario(
        "a deletion that cannot go on is red",
        f"{BEGIN} DeletePage",
        [("delete", page())],
        input={"action": "delete", "pause": 0},
        script={"DeletePage": [REFUSED]},
        error="ClientError",
        cause=REFUSED.payload,
    ),
    BatchScenario(
        "a cancel of a run that is not the current one is left alone",
        f"{BEGIN} {CANCEL} NotTheOwner Superseded",
        CANCELLED,
        input={"action": "cancel"},
        script={"Settle": [returns({"next": "gone"})]},
    ),
    *(
        BatchScenario(
            f"a run that is not the current one is red if it was {how}",
            f"{BEGIN} Reader Again {WATCH} NotTheOwner NothingChanged",
            [WATCHED],
            script={"Watch": [returns({"next": "gone"})]},
            error="StaleRun",
            cause=NOTHING_CHANGED,
            by_hand=how == "started by hand",
            redriven=how == "redriven",
        )
        for how in ("started by hand", "redriven")
    ),
    BatchScenario(
        "items cannot be ingested",
        f"{BEGIN} Reader EnterLines MarkFailed WhatNext {CANCEL} BatchFailed",
        [caught("ClientError", REFUSED.payload), *CANCELLED],
        input={"reader": "lines", "total": 0},
        script={"Enter": [REFUSED]},
        enters=True,
        error="ClientError",
        cause="An error occurred: the table does not exist.",
    ),
    BatchScenario(
        "a manifest cannot be prepared",
        f"{BEGIN} Reader PrepareManifest MarkFailed WhatNext {CANCEL} BatchFailed",
        [("prepare", {}), caught("ManifestTooLarge", TOO_MANY.payload), *CANCELLED],
        input={"reader": "manifest", "total": 0},
        script={"PrepareManifest": [TOO_MANY]},
        error="ManifestTooLarge",
        cause="The manifest has more than 1,000,000 lines.",
    ),
    BatchScenario(
        "a failure of a batch that was ended elsewhere changes nothing",
        f"{BEGIN} Reader Again Pause Watch MarkFailed WhatNext NotTheOwner Superseded",
        [WATCHED, caught("ClientError", REFUSED.payload)],
        script={"Watch": [REFUSED], "MarkFailed": [returns({"next": "gone"})]},
    ),
    BatchScenario(
        "a count that is throttled is repeated",
        f"{BEGIN} Reader Again {WATCH} Completed",
        [WATCHED, WATCHED, WATCHED],
        script={"Watch": [THROTTLED, THROTTLED, returns({"next": "done"})]},
    ),
    BatchScenario(
        "a failure that cannot be written is that of the execution",
        f"{BEGIN} Reader Again Pause Watch MarkFailed",
        [WATCHED, caught("ClientError", REFUSED.payload)],
        script={"Watch": [REFUSED], "MarkFailed": [REFUSED]},
        error="ClientError",
        cause=REFUSED.payload,
    ),
]
