"""Texts that are shown or logged contain only the host of a URL."""

import ast
import logging
import time
from pathlib import Path

import pytest

from darkroom.runtime import logging as logs  # noqa: F401 - sets the level
from darkroom.runtime.redaction import redacted, redacted_errors, redacted_url
from tests.support.project import PROJECT

LAMBDAS = PROJECT / "lambdas"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com/token", "https://example.com/…"),
        ("https://example.com?token", "https://example.com/…"),
        ("https://example.com#token", "https://example.com/…"),
        ("https://user:token@example.com:8443/a", "https://example.com:8443/…"),
        ("http://[2001:db8::1]:8080/token", "http://[2001:db8::1]:8080/…"),
        ("http://[token/", "…"),
        ("http://example.com:token/", "…"),
        ("/token", "…"),
        ("", "…"),
    ],
)
def test_only_scheme_and_host_of_a_url_are_shown(url: str, expected: str):
    assert redacted_url(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('no answer from "https://a.example/token".', 'no answer from "https://a.example/…".'),
        ("(see HTTPS://u:token@A.example/?token)", "(see https://a.example/…)"),
        ("https://a.example/token\nhttps://b.example/token", "https://a.example/…\nhttps://b.example/…"),
        (
            "Max retries exceeded with url: /token?token (Caused by ReadTimeoutError)",
            "Max retries exceeded with url: /… (Caused by ReadTimeoutError)",
        ),
        ("'https://a.example/tok'en" , "'https://a.example/…"),
        ("9https://a.example/token", "…"),
        ("not data:image/png;base64,token=, no", "not data:… no"),
        ("arn:aws:states:us-east-1:1:execution:m:n", "arn:aws:states:us-east-1:1:execution:m:n"),
        ("Grayscale: 4 of 5", "Grayscale: 4 of 5"),
    ],
)  # fmt: skip
def test_the_urls_in_a_text_are_shown_the_same_way(text: str, expected: str):
    assert redacted(text) == expected
    assert redacted(expected) == expected


@pytest.mark.parametrize(
    "part", ["a", "://", "a://", "data:", "data:image/", "url: ", "url: /", "."]
)
def test_the_time_for_a_long_text_is_proportional_to_its_length(part: str):
    started = time.process_time()
    redacted(part * (1_000_000 // len(part)))
    assert time.process_time() - started < 5


def test_the_http_library_does_not_log_the_urls_it_warns_of(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers (url=%s)", "x")
    assert caplog.records == []


def test_an_error_that_leaves_a_function_has_no_path_in_it():
    with pytest.raises(ValueError, match=r"^cannot reach https://x/… now$"), redacted_errors():
        raise ValueError("cannot reach https://x/T0/secret now")
    unchanged = KeyError("taskId")
    with pytest.raises(KeyError) as raised, redacted_errors():
        raise unchanged
    assert raised.value.args == ("taskId",)


@pytest.mark.parametrize("path", sorted(LAMBDAS.glob("*.py")), ids=lambda path: path.stem)
def test_every_function_redacts_what_it_raises(path: Path):
    module = ast.parse(path.read_text())
    [handler] = [
        each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == "handler"
    ]
    assert {ast.unparse(each) for each in handler.decorator_list} & {"step", "redacted_errors()"}
