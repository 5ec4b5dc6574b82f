"""No user sees an empty reason, JSON or a stack trace, even if no status could be written."""

import json
import re
from typing import Any

import pytest

from darkroom.aws.execution_failures import describe
from tests.support.cloud.minimal import function, machine, run, task
from tests.support.project import PROJECT

STEPS = json.loads((PROJECT / "statemachine" / "task.asl.json").read_text())
NOTHING_SAID = "The step Upload ended with the error Boom, which has no message."


def raised(text: Any, **more: Any) -> str:
    """A Cause as Step Functions passes on what a Python function raised."""
    error = {"errorMessage": text, "errorType": "Boom", **more}
    return json.dumps({**error, "requestId": "1", "stackTrace": ['  File "app.py", line 1\n']})


CAUSES = {
    "a sentence": ("It broke.", "It broke."),
    "what a function raised": (raised("a.png answered 404."), "a.png answered 404."),
    "of several lines": (raised('one\ntwo "three"\\'), 'one\ntwo "three"\\'),
    "a text with brackets": (raised("[Errno 111] No way"), "[Errno 111] No way"),
    "nothing": ("", NOTHING_SAID),
    "missing": (None, NOTHING_SAID),
    "spaces": (" \n", NOTHING_SAID),
    "an exception without text": (raised(""), NOTHING_SAID),
    "an exception of spaces": (raised("  "), NOTHING_SAID),
    "null": (raised(None), NOTHING_SAID),
    "no text at all": ('{"errorType": "Boom"}', NOTHING_SAID),
    "an object": ('{"a": 1}', NOTHING_SAID),
    "an empty object": ("{}", NOTHING_SAID),
    "braces": ("{a}", NOTHING_SAID),
    "a list": ('["a"]', NOTHING_SAID),
    "cut off": (raised("x" * 40_000)[:32_768], NOTHING_SAID),
    "a stack trace": (raised("Traceback (most recent call last):\n ValueError"), NOTHING_SAID),
    "JSON within JSON": (raised('{"errorMessage": ""}'), NOTHING_SAID),
}


@pytest.mark.parametrize("name", CAUSES)
def test_an_execution_that_could_not_mark_its_task_still_says_why_in_words(cloud, name: str):
    cause, reported = CAUSES[name]
    caught = {"Error": "Boom", **({} if cause is None else {"Cause": cause})}
    last = STEPS["States"]["MarkFailed"]["Catch"][-1]
    begin = {"Type": "Pass", "Assign": {"step": "Upload", "caught": caught}, "Next": "MarkFailed"}
    fails = {"ErrorEquals": ["States.ALL"], "Assign": last["Assign"], "Next": "TaskFailed"}
    states = {
        "Begin": begin,
        "MarkFailed": task("arn:aws:lambda:us-east-1:000000000000:function:none", Catch=[fails]),
        "TaskFailed": STEPS["States"]["TaskFailed"],
    }

    end = run(cloud, machine(cloud, states))

    assert (end["status"], end["error"]) == ("FAILED", "Boom")
    assert end["cause"] == reported


RAISES = {
    "no text": ("raise MemoryError()", "MemoryError"),
    "a key": ("raise KeyError('x')", "KeyError"),
    "spaces": ("raise ValueError(' ')", "ValueError"),
    "JSON": ("raise ValueError('{\"stackTrace\": []}')", "ValueError"),
    "a stack trace": ("import traceback; raise ValueError(traceback.format_stack())", "ValueError"),
    "without end": ("handler(event, context)", "RecursionError"),
    "half a pair": ("raise ValueError(chr(0xd800))", "Runtime.ExitError"),
    "an exit": ("import os; os._exit(1)", "Runtime.ExitError"),
    "no answer in time": ("import time; time.sleep(9)", "States.Timeout"),
}
BROKEN = {
    "no module": ("import missing", "Runtime.ImportModuleError"),
    "no syntax": ("def", "Runtime.UserCodeSyntaxError"),
    "no handler": ("other = 1", "Runtime.HandlerNotFound"),
}


@pytest.mark.parametrize("name", [*RAISES, *BROKEN])
def test_every_failure_of_a_function_has_a_readable_message(cloud, name: str):
    if name in RAISES:
        body, error = RAISES[name]
        source = f"def handler(event, context):\n    {body}\n"
    else:
        source, error = BROKEN[name]
    caught = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "End"}
    step = task(function(cloud, source, Timeout=20), TimeoutSeconds=5, Catch=[caught])

    end = run(cloud, machine(cloud, {"Only": step, "End": {"Type": "Succeed"}}))
    failure = describe("Download", json.loads(end["output"]))

    assert failure["error"] == error
    assert failure["message"].strip()
    assert not re.search(r'^\s*[{\[]\s*"|stackTrace|Traceback|File "', failure["message"])
