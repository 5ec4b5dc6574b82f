import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.failures import AWS_ERRORS, MAX_MESSAGE_LENGTH, describe


def test_what_a_function_raised_is_told_in_its_own_words() -> None:
    cause = {
        "errorMessage": "https://example.com/a.jpg answered 404.",
        "errorType": "SourceNotFound",
        "stackTrace": ["  File secret.py"],
    }

    failure = describe("Download", {"Error": "SourceNotFound", "Cause": json.dumps(cause)})

    assert failure == {
        "step": "Download",
        "error": "SourceNotFound",
        "message": "https://example.com/a.jpg answered 404.",
    }


@pytest.mark.parametrize("error", AWS_ERRORS)
def test_what_aws_raised_is_told_in_words_for_people(error: str) -> None:
    failure = describe("Grayscale", {"Error": error, "Cause": '{"errorMessage": "gibberish"}'})

    assert failure["error"] == error
    assert "step Grayscale" in failure["message"]
    assert "gibberish" not in failure["message"]


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ("A sentence.", "A sentence."),
        ('"a string"', '"a string"'),
        ("[1]", "[1]"),
        ("{}", "{}"),
        ('{"errorMessage": ""}', '{"errorMessage": ""}'),
        ('{"errorMessage": null, "errorType": "X"}', '{"errorMessage": null, "errorType": "X"}'),
        ('{"errorMessage": 7}', "7"),
        ("", "Upload failed."),
        ("7" * 5000, "7" * 999 + "…"),
        ("[" * 100_000, "[" * 999 + "…"),
    ],
    ids=lambda value: value[:20],
)
def test_any_cause_gives_a_message(cause: str, message: str) -> None:
    assert describe("Upload", {"Error": "States.X", "Cause": cause})["message"] == message


def test_a_missing_cause_still_says_which_step_failed() -> None:
    failure = describe("Upload", {"Error": "States.Runtime"})

    assert failure["message"] == "Upload failed."


def test_a_message_of_the_greatest_length_is_not_cut() -> None:
    message = "x" * MAX_MESSAGE_LENGTH

    assert describe("Upload", {"Error": "X", "Cause": message})["message"] == message


@given(st.text(), st.text())
def test_a_message_is_never_empty_nor_too_long(step: str, cause: str) -> None:
    failure = describe(step, {"Error": "X", "Cause": cause})

    assert 0 < len(failure["message"]) <= MAX_MESSAGE_LENGTH
