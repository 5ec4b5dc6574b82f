"""The file name of a result, and its header, for any name of a task or a source."""

import email.message
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.tasks.file_names import content_disposition, result_name

ID = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"


def named(name: str | None, **source: str) -> str:
    item: dict[str, Any] = {"taskId": ID, "source": source or {"imageUrl": "data:,"}, "name": name}
    return result_name(item, "png")


def reported(header: str) -> str | None:
    """The file name as Python's own parser of headers finds it (RFC 2231, which RFC 8187 uses).

    It reads the plain form if both exist, but RFC 6266 prefers the other one.
    """
    message = email.message.Message()
    plain, exact, rest = header.partition("; filename*=")
    message["Content-Disposition"] = f"inline{exact}{rest}" if exact else plain
    return message.get_filename()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My holiday", "My holiday.png"),
        ("card.JPG", "card.png"),
        ("scan.tar.tiff", "scan.tar.png"),
        ("Report v1.2", "Report v1.2.png"),
        ("Größe ✓.jpeg", "Größe ✓.png"),
        ("Gro\u0308ße", "Größe.png"),  # as macOS writes it
        ("👩\u200d🔬", "👩\u200d🔬.png"),
        ("Part 1/2", "Part 1_2.png"),
        ("holiday/day 1/a.jpg", "holiday_day 1_a.png"),
        (r"C:\pictures\a.jpg", "C__pictures_a.png"),
        ("folder/", "folder.png"),
    ],
)
def test_a_result_has_the_name_of_its_task_with_its_own_extension(name: str, expected: str):
    assert named(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "etc_passwd.png"),
        (r"..\..\boot.ini", "boot.ini.png"),
        ("..", f"{ID}.png"),
        ("a\r\nSet-Cookie: x=1", "a Set-Cookie_ x=1.png"),
        ("a\0b\x1b[31m", "ab[31m.png"),
        ('a"; filename="b', "a_; filename=_b.png"),
        ("a<b>c:d|e?f*g", "a_b_c_d_e_f_g.png"),
        ("con", "_con.png"),
        ("COM1.tar", "_COM1.tar.png"),
        ("nul.jpg", "_nul.png"),
        (".bashrc", "bashrc.png"),
        (".png", "png.png"),
        ("name. . ", "name.png"),
        ("photo\u202egnp.exe", "photognp.exe.png"),
        ("\u200b\u2060", f"{ID}.png"),
        ("a\u2028b\u00a0c", "a b c.png"),
        ("\ud800a", "a.png"),
        ("   ", f"{ID}.png"),
        ("/", f"{ID}.png"),
    ],
)
def test_a_hostile_name_becomes_one_that_is_safe(name: str, expected: str):
    assert named(name) == expected


@pytest.mark.parametrize("letter", ["a", "ö", "字", "👩"])
def test_a_long_name_is_cut_to_what_file_systems_hold(letter: str):
    name = named(letter * 200)

    assert 150 < len(name.encode()) <= 184
    assert name.rstrip(".png") == letter * (180 // len(letter.encode()))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"imageUrl": "https://example.com/a/card.png?size=1#x"}, "card.png"),
        ({"imageUrl": "https://example.com/gr%C3%B6%C3%9Fe%2Fa%20b.jpg"}, "größe_a b.png"),
        ({"imageUrl": "https://example.com/photos/"}, "photos.png"),
        ({"imageUrl": "https://example.com/%FF%0d%0a"}, "\ufffd.png"),
        ({"imageUrl": "https://example.com"}, f"{ID}.png"),
        ({"imageUrl": "https://[::1"}, f"{ID}.png"),
        ({"imageUrl": "data:image/png;base64,/9j/4AAQ"}, f"{ID}.png"),
        ({"object": "imports/me/day 1/a.tif"}, "a.png"),
        ({"object": "uploads/me/5b0c"}, f"{ID}.png"),
        ({"uploadId": "5b0c"}, f"{ID}.png"),
        ({"line": "x", "problem": "y"}, f"{ID}.png"),
    ],
)
def test_without_a_name_the_source_gives_one_or_the_id(source: dict[str, str], expected: str):
    assert named(None, **source) == expected


def test_a_plain_name_needs_no_second_form():
    assert content_disposition("a b.png") == 'inline; filename="a b.png"'


def test_any_other_name_has_a_plain_form_first_and_its_own_in_utf_8():
    header = content_disposition("100% Größe.png")

    plain, exact = header.split("; ")[1:]
    assert plain == 'filename="100_ Gro_e.png"'
    assert exact == "filename*=UTF-8''100%25%20Gr%C3%B6%C3%9Fe.png"


def test_the_plain_form_of_a_name_has_no_separator_that_its_letters_did_not_have() -> None:
    header = content_disposition("\uff0e\uff0e\uff0fa\uff1ab.png")

    assert header.startswith('inline; filename=".._a_b.png"; filename*=')


@given(st.text(max_size=200))
@example('"\\\r\n')
@example("a; filename=b")
@example("é" * 200)
def test_every_name_is_safe_and_survives_the_header(name: str):
    result = named(name)

    header = content_disposition(result)

    assert re.fullmatch(r"[ -~]+", header)
    assert reported(header) == result
    assert result.endswith(".png")
    assert not set(result) & set('/\\<>:"|?*')
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in result)
    assert result[0] not in ". "
    assert result.removesuffix(".png")[-1] not in ". "
    assert len(result.encode()) <= 184
