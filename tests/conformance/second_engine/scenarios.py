"""The scenarios of the state machine of tasks.

Each expected path and end was derived from the Amazon States Language
(https://states-language.net/spec.html) and from AWS's pages on errors and JSONata, not from the
answer of an engine:

- A retrier applies if one of its names is the error's. It runs the state again at most
  `MaxAttempts` times; each retrier of a state has its own count
  (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
- After that, the first catcher that matches leads to its `Next`. Its `Output` is the error output,
  unless it says otherwise.
- The cause of a function's error is the object that Lambda reported; that of a timeout is empty.
- A Fail state without `Catch` ends the execution with its `Error` and `Cause`.
"""

from unittest.mock import ANY

from tests.conformance.second_engine.scenario import (
    COMPLETED,
    MACHINE,
    MOST_RETRIES,
    NOT_THE_OWNER,
    Scenario,
    completes,
    fails,
    refused,
)
from tests.support.engines.scripted_functions import (
    HANGS,
    THROTTLED,
    WELL,
    dies,
    raises,
    returns,
)

DOWNLOAD, GRAYSCALE, UPLOAD = (returns(WELL[step]) for step in ("Download", "Grayscale", "Upload"))
GONE = raises("SourceNotFound", 'https://a.example answered 404: {"reason": "Gäste \\ gone"}\n')
BUSY = raises("SourceUnavailable", "https://a.example answered 503.")
BROKEN = raises("InvalidImage", "The image is broken.")
CORRUPTED = raises("ResultCorrupted", "results/t/1.png has another checksum.")
STALE = raises("StaleAttempt", NOT_THE_OWNER)
WORDLESS = raises("MemoryError", "")
RECORDED = returns({"failure": {"error": "InvalidImage", "message": "As it was recorded."}})
REFUSED = raises("ClientError", "An error occurred: the table does not exist.")
KILLED = dies("Runtime.ExitError")
TOO_LONG = dies("Sandbox.Timedout")

LIMIT = 256 * 1024
"""Bytes of a state's result (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
FAILED_CLAIM = "MarkRunning MarkFailed TaskFailed"
FAILED_DOWNLOAD = "MarkRunning Download MarkFailed TaskFailed"
FAILED_GRAYSCALE = "MarkRunning Download Grayscale MarkFailed TaskFailed"
FAILED_UPLOAD = "MarkRunning Download Grayscale Upload MarkFailed TaskFailed"
FAILED_COMPLETION = f"{COMPLETED} MarkFailed TaskFailed"

SUPERSEDED = {"Error": "StaleAttempt", "Cause": STALE.payload}
"""The output of an execution that ends in Superseded: the error output of the catcher."""


SCENARIOS = [
    # First, because it must not wait for the others.
    Scenario(
        "an execution that takes too long ends where it is",
        {"Download": [HANGS]},
        "MarkRunning Download",
        status="TIMED_OUT",
        timeouts={MACHINE: 8},
    ),
    completes("all goes well", {}),
    # ── Errors of a source, an image, a result ──────────────────────────────────────────────────
    completes("a busy source answers at last", {"Download": [BUSY, BUSY, DOWNLOAD]}, Download=3),
    fails(
        "a busy source stays busy",
        {"Download": [BUSY]},
        FAILED_DOWNLOAD,
        ("Download", "SourceUnavailable", BUSY.payload),
        "https://a.example answered 503.",
        calls={"Download": 4},
    ),
    fails(
        "a source that is gone is asked once",
        {"Download": [GONE]},
        FAILED_DOWNLOAD,
        ("Download", "SourceNotFound", GONE.payload),
        'https://a.example answered 404: {"reason": "Gäste \\ gone"}',
    ),
    fails(
        "a broken image is read once",
        {"Grayscale": [BROKEN]},
        FAILED_GRAYSCALE,
        ("Grayscale", "InvalidImage", BROKEN.payload),
        "The image is broken.",
    ),
    completes("a copy that differs is made again", {"Upload": [CORRUPTED, UPLOAD]}, Upload=2),
    fails(
        "a copy that always differs",
        {"Upload": [CORRUPTED]},
        FAILED_UPLOAD,
        ("Upload", "ResultCorrupted", CORRUPTED.payload),
        "results/t/1.png has another checksum.",
        calls={"Upload": 3},
    ),
    fails(
        "an exception without a text",
        {"Upload": [WORDLESS]},
        FAILED_UPLOAD,
        ("Upload", "MemoryError", WORDLESS.payload),
        "The step Upload ended with the error MemoryError, which has no message.",
    ),
    fails(
        "an answer without what the next state needs",
        {"Download": [returns({})]},
        FAILED_GRAYSCALE,
        ("Grayscale", "States.QueryEvaluationError", ANY),
        ANY,
        calls={"Grayscale": 0},
    ),
    # ── Crashes and time limits ─────────────────────────────────────────────────────────────────
    completes("a killed function runs once more", {"Grayscale": [KILLED, GRAYSCALE]}, Grayscale=2),
    fails(
        "a function that is killed twice",
        {"Grayscale": [KILLED]},
        FAILED_GRAYSCALE,
        ("Grayscale", "Runtime.ExitError", KILLED.payload),
        "The step Grayscale failed: its process ended. The usual cause is a lack of memory.",
        calls={"Grayscale": 2},
    ),
    fails(
        "a function that reaches its own time limit twice",
        {"Download": [TOO_LONG]},
        FAILED_DOWNLOAD,
        ("Download", "Sandbox.Timedout", TOO_LONG.payload),
        "The step Download did not end within its function's time limit.",
        calls={"Download": 2},
    ),
    fails(
        "a state that reaches its time limit twice",
        {"Grayscale": [HANGS]},
        FAILED_GRAYSCALE,
        ("Grayscale", "States.Timeout", ""),
        "The step Grayscale did not end within its time limit.",
        calls={"Grayscale": 2},
        timeouts={"Grayscale": 1},
    ),
    # ── Throttling ──────────────────────────────────────────────────────────────────────────────
    completes("a throttled claim", {"MarkRunning": [THROTTLED] * 3 + [returns({})]}, MarkRunning=4),
    fails(
        "throttled until no retry is left",
        {"Upload": [THROTTLED]},
        FAILED_UPLOAD,
        ("Upload", "Lambda.TooManyRequestsException", "Rate Exceeded."),
        "The step Upload found no free Lambda concurrency, even after all retries.",
        calls={"Upload": MOST_RETRIES + 1},
    ),
    completes(
        "each retrier of a state counts for itself",
        {"Download": [BUSY, BUSY, BUSY, THROTTLED, KILLED, DOWNLOAD]},
        Download=6,
    ),
    # ── A task that another execution, attempt or cancel owns ───────────────────────────────────
    Scenario(
        "a second execution of the attempt does nothing",
        {"MarkRunning": [STALE]},
        "MarkRunning NotTheOwner Superseded",
        output=SUPERSEDED,
    ),
    Scenario(
        "a task that was ended meanwhile is not completed",
        {"MarkCompleted": [STALE]},
        f"{COMPLETED} NotTheOwner Superseded",
        output=SUPERSEDED,
    ),
    Scenario(
        "a task that was ended meanwhile does not fail",
        {"Download": [GONE], "MarkFailed": [STALE]},
        "MarkRunning Download MarkFailed NotTheOwner Superseded",
        output=SUPERSEDED,
        failed=("Download", "SourceNotFound", GONE.payload),
    ),
    refused(
        "one that was started by hand and does not own its task is red",
        {"MarkRunning": [STALE]},
        "MarkRunning NotTheOwner NothingChanged",
        by_hand=True,
    ),
    refused(
        "one that was redriven after its task was ended is red",
        {"MarkCompleted": [STALE]},
        f"{COMPLETED} NotTheOwner NothingChanged",
        redriven=True,
    ),
    refused(
        "one that fails after it was redriven does not change its task",
        {"Grayscale": [BROKEN], "MarkFailed": [STALE]},
        "MarkRunning Download Grayscale MarkFailed NotTheOwner NothingChanged",
        redriven=True,
        failed=("Grayscale", "InvalidImage", BROKEN.payload),
    ),
    # ── Writes of a status that fail ────────────────────────────────────────────────────────────
    fails(
        "the claim fails",
        {"MarkRunning": [REFUSED]},
        FAILED_CLAIM,
        ("MarkRunning", "ClientError", REFUSED.payload),
        "An error occurred: the table does not exist.",
    ),
    fails(
        "the completion fails",
        {"MarkCompleted": [REFUSED]},
        FAILED_COMPLETION,
        ("MarkCompleted", "ClientError", REFUSED.payload),
        "An error occurred: the table does not exist.",
    ),
    fails(
        "a failure is written after it was throttled",
        {"Grayscale": [BROKEN], "MarkFailed": [THROTTLED, THROTTLED, RECORDED]},
        FAILED_GRAYSCALE,
        ("Grayscale", "InvalidImage", BROKEN.payload),
        "As it was recorded.",
        calls={"MarkFailed": 3},
    ),
    fails(
        "a failure cannot be written: the execution tells what was caught",
        {"Download": [GONE], "MarkFailed": [REFUSED]},
        FAILED_DOWNLOAD,
        ("Download", "SourceNotFound", GONE.payload),
        GONE.payload["errorMessage"],
    ),
    fails(
        "a failure without a text cannot be written",
        {"Upload": [WORDLESS], "MarkFailed": [REFUSED]},
        FAILED_UPLOAD,
        ("Upload", "MemoryError", WORDLESS.payload),
        "The step Upload ended with the error MemoryError, which has no message.",
    ),
    fails(
        "a timeout cannot be written: its cause is empty",
        {"Download": [HANGS], "MarkFailed": [KILLED]},
        FAILED_DOWNLOAD,
        ("Download", "States.Timeout", ""),
        "The step Download ended with the error States.Timeout, which has no message.",
        calls={"Download": 2, "MarkFailed": 2},
        timeouts={"Download": 1},
    ),
]

TOO_LARGE = fails(
    "a result over the limit",
    {"Download": [returns({"sourceKey": "x" * LIMIT})]},
    FAILED_DOWNLOAD,
    ("Download", "States.DataLimitExceeded", ANY),
    ANY,
)
"""As AWS was recorded to end it. Its documentation says that nothing catches this error."""
