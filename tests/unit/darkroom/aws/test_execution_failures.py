import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.aws.execution_failures import AWS_ERRORS, MAX_MESSAGE_LENGTH, describe, readable


def test_an_error_that_a_function_raised_is_shown_with_its_message() -> None:
    cause = {
        "errorMessage": "https://example.com/… answered 404.",
        "errorType": "SourceNotFound",
        "stackTrace": ["  File secret.py"],
    }

    failure = describe("Download", {"Error": "SourceNotFound", "Cause": json.dumps(cause)})

    assert failure == {
        "step": "Download",
        "error": "SourceNotFound",
        "message": "https://example.com/… answered 404.",
    }


@pytest.mark.parametrize("error", AWS_ERRORS)
def test_errors_of_aws_are_shown_with_messages_for_people(error: str) -> None:
    failure = describe("Grayscale", {"Error": error, "Cause": '{"errorMessage": "gibberish"}'})

    assert failure["error"] == error
    assert "step Grayscale" in failure["message"]
    assert "gibberish" not in failure["message"]


NOTHING_SAID = "The step Upload ended with the error X, which has no message."
STACK = (
    'Traceback (most recent call last):\n  File "app.py", line 3, in f\n    g(1)\nValueError: no'
)


def raised(message: object) -> str:
    """Return the cause of an error that a function raised, as the runtime reports it."""
    error = {"errorMessage": message, "errorType": "X", "stackTrace": ['  File "app.py", line 3']}
    return json.dumps(error)


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ("A sentence.", "A sentence."),
        (" A sentence.\n", "A sentence."),
        ('"a string"', "a string"),
        (raised("[Errno 111] Connection refused"), "[Errno 111] Connection refused"),
        (raised("'key'"), "'key'"),
        (raised("{'a': 1}"), "{'a': 1}"),
        (raised(raised("sent twice")), "sent twice"),
        (raised("half of a pair: \ud800"), "half of a pair: ?"),
        ("half of a pair: \ud800", "half of a pair: ?"),
        # Cut off, as AWS does at 32,768 characters.
        (raised("It broke.")[:-30], "It broke."),
        (raised("x" * 5000)[:2000], "x" * 999 + "…"),
        ('{"errorMessage": "It \\"broke\\" \\u00', 'It "broke"'),
        ('{"errorMessage": "It broke.\\', "It broke."),
        # The text before a stack trace, or its last line.
        (STACK, "ValueError: no"),
        (raised(STACK), "ValueError: no"),
        (raised(f"It broke.\n{STACK}"), "It broke."),
        (raised(f"It broke: {raised('')}"), "It broke:"),
        ("  + Exception Group Traceback (most recent call last):\n  |   File", NOTHING_SAID),
        (raised('File "app.py", line 3'), NOTHING_SAID),
        (raised("""['  File "app.py", line 3, in f']"""), NOTHING_SAID),
        (raised(f"{STACK}\n"), "ValueError: no"),
        # Nothing that a person can read.
        *[
            (nothing, NOTHING_SAID)
            for nothing in (
                "", " \n", None, 7, [], "[1]", '["a"]', "{}", '{"a": 1}', "7", "null", "true",
                raised(""), raised(" \n"), raised(None), raised(7), raised([]), raised("{}"),
                raised('{"a": 1}'), '{"errorType": "X"}', '{"errorType": "X", "stackTr',
                '{"errorMessage": "', '{"errorMessage": "\\u00', "[" * 100_000, "{",
            )
        ],
        ("7" * 5000, "7" * 999 + "…"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_any_cause_gives_a_message_that_is_neither_json_nor_a_stack_trace(
    cause: object, message: str
) -> None:
    assert describe("Upload", {"Error": "X", "Cause": cause})["message"] == message


@pytest.mark.parametrize("caught", [{}, {"Error": ""}, {"Error": None, "Cause": None}])
def test_an_error_without_a_name_is_one_of_the_runtime(caught: dict[str, None]) -> None:
    assert describe("Upload", caught)["error"] == "States.Runtime"


class Wordless(Exception):
    def __str__(self) -> str:
        return " \t"


@pytest.mark.parametrize(
    "error",
    [MemoryError(), KeyError("x"), KeyError(), Wordless(), ExceptionGroup("", [KeyError(1)])],
    ids=repr,
)
def test_every_python_error_has_a_readable_message(error: Exception) -> None:
    """As awslambdaric reports it: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    name = type(error).__name__

    failure = describe("Grayscale", {"Error": name, "Cause": raised(str(error))})

    assert failure["error"] == name
    assert failure["message"].strip()
    assert not failure["message"].startswith(("{", "["))


def test_the_cause_that_somebody_gave_who_stopped_an_execution_is_read_the_same_way() -> None:
    assert readable(raised("By Ann.")) == "By Ann."
    assert readable(" ") == readable("{}") == readable(None) == ""


def test_a_message_of_the_greatest_length_is_not_cut() -> None:
    message = "x" * MAX_MESSAGE_LENGTH

    assert describe("Upload", {"Error": "X", "Cause": message})["message"] == message


@given(st.text(), st.text())
def test_a_message_is_never_empty_nor_too_long(step: str, cause: str) -> None:
    failure = describe(step, {"Error": "X", "Cause": cause})

    assert 0 < len(failure["message"].strip()) <= MAX_MESSAGE_LENGTH


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", ["\n", " ", " \n", "\n   ", "|", "\n|", "{ ", "['", "\\"])
def test_a_long_cause_of_one_repeated_part_is_read_at_once(part):
    """A cause has up to 32,768 characters, which may contain text from a foreign server."""
    text = ("x" + part * (32_000 // len(part)) + "x")[:32_768]
    assert len(readable(text)) <= MAX_MESSAGE_LENGTH
