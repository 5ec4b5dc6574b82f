"""Faults between Step Functions and Lambda, which no proxy outside of the emulator can cause.

Only the fault suite (`tests/chaos`) turns them on: it starts the emulator with the environment
variable `DARKROOM_INVOKE_FAULTS`, the path of a file. While that file exists, it has a JSON list of
rules, for example

    {"function": "chaos-DownloadFunction-…", "when": "after", "error": "Lambda.Unknown",
     "probability": 0.1}

At each invocation by a state machine, every rule of its function is applied with its probability,
and the first one that applies makes the state fail with its error. `when` is "before", so that the
function does not run, or "after": the function does its work, and its answer is lost. Each fault is
a line of JSON in the file of the same name with `.fired` at its end: `function`, `when` and
`error`.
"""

import contextlib
import json
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, apply_patches, replaces

VARIABLE = "DARKROOM_INVOKE_FAULTS"
_random = random.Random()  # noqa: S311 - not for security
_writing = threading.Lock()


@replaces(stepfunctions, "_call_lambda", has="_execute_function_with_config_scope")
def fail_before_or_after_the_invocation(original: Function, function: str, event: Any) -> Any:
    """Invoke a function, or let the state fail as a rule says.

    https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
    """
    rule = _drawn(Path(os.environ[VARIABLE]), function)
    if rule is None:
        return original(function, event)
    if rule["when"] == "after":
        # Its answer is lost, also if that is an error.
        with contextlib.suppress(stepfunctions._ExecutionError):
            original(function, event)
    raise stepfunctions._ExecutionError(
        rule["error"], f"A fault that was injected {rule['when']} the function ran."
    )


def apply() -> None:
    """Apply the patch if the fault suite has enabled it."""
    if VARIABLE in os.environ:
        _random.seed(os.environ.get("SEED"))
        apply_patches(sys.modules[__name__])


def _drawn(path: Path, function: str) -> dict[str, Any] | None:
    """Return the rule that applies to an invocation, and write down that it did."""
    try:
        rules = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    with _writing:
        for rule in rules:
            if rule["function"] in function and _random.random() < rule["probability"]:
                fired = {name: rule[name] for name in ("function", "when", "error")}
                with path.with_name(f"{path.name}.fired").open("a") as log:
                    log.write(json.dumps(fired) + "\n")
                return dict(rule)
    return None
