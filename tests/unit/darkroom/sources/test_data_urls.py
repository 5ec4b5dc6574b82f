import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import SourceBlocked, SourceError, SourceTooLarge
from darkroom.sources.data_urls import decode, is_data_url


@pytest.mark.parametrize(
    "head",
    [
        "data:image/png;base64,",
        "DATA:IMAGE/PNG;BASE64,",
        "data:image/svg+xml;base64,",
        "data:image/png;charset=utf-8;base64,",
        "data:image/vnd.microsoft.icon;a=b;c=;base64,",
        "data:application/octet-stream;base64,",
        "data:application/octet-stream;charset=utf-8;base64,",
        "data:binary/octet-stream;base64,",
        "data:;base64,",
        "data:;charset=utf-8;base64,",
        "data:image/*;base64,",
        "data:image/png; base64,",
    ],
)
def test_an_image_in_base64_is_decoded_and_shown_without_its_bytes(head: str) -> None:
    shown, data = decode(head + base64.b64encode(b"bytes").decode(), 5)

    assert data == b"bytes"
    assert shown == head + "…"


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:,",
        "data:,hello",
        "data:base64,AAAA",
        "data:application/pdf;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64",
        "data:text/html;base64,AAAA",
        "data:image/;base64,AAAA",
        "data:image/png;base64;x=1,AAAA",
        "data: image/png;base64,AAAA",
        "data:image/" + "x" * 500 + ";base64,AAAA",
        "data:image/png;base64,",
        "data:image/png;base64,A",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA==AAAA",
        "data:image/png;base64,_-_-",
        "data:image/png;base64,%C3%84AAA",
        "data:image/png;base64,ÄÄÄÄ",
        "data:image/png;base64,\ud800AAA",
    ],
)
def test_what_has_another_form_is_refused(url: str) -> None:
    with pytest.raises(SourceBlocked):
        decode(url, 1000)


@pytest.mark.parametrize(
    "text", ["AA\nECAw==", "AAE\r\nC\r\nAw==\n", " AAECAw==", "AAECAw%3D%3D", "%41AECAw=="]
)
def test_base64_may_have_line_breaks_and_percent_encoding_as_in_browsers(text: str) -> None:
    assert decode("data:image/png;base64," + text, 4)[1] == bytes(range(4))


def test_exactly_the_limit_is_not_too_large() -> None:
    url = "data:image/png;base64," + base64.b64encode(b"12345").decode()

    assert decode(url, 5)[1] == b"12345"
    with pytest.raises(SourceTooLarge, match="contains 5 bytes; the limit is 4"):
        decode(url, 4)


@pytest.mark.parametrize(
    ("url", "is_one"),
    [("data:x", True), ("DaTa:", True), ("data", False), ("", False), (" data:", False),
     ("https://example.com/data:", False)],
)  # fmt: skip
def test_a_data_url_is_known_by_its_scheme(url: str, is_one: bool) -> None:
    assert is_data_url(url) is is_one


@given(st.binary(min_size=1, max_size=100))
def test_bytes_come_out_as_they_went_in(data: bytes) -> None:
    url = "data:image/png;base64," + base64.b64encode(data).decode()

    assert decode(url, 100)[1] == data


@given(st.text())
def test_everything_else_is_refused_with_an_error_of_the_client(rest: str) -> None:
    with contextlib.suppress(SourceError):
        shown, _ = decode("data:image/png;base64," + rest, 10)
        assert shown == "data:image/png;base64,…"
