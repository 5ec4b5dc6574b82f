"""The boxes of a file: what is broken ends the list, and no file takes long."""

import struct

import pytest

from darkroom.images.boxes import boxes, find, primary_properties
from tests.support.images.heics import box

PROPERTY = box(b"irot", b"\1")


def meta(ipma: bytes, item: int = 7) -> bytes:
    container = box(b"ipco", box(b"ispe", bytes(12)) + PROPERTY)
    primary = box(b"pitm", struct.pack(">IH", 0, item))
    return box(b"meta", bytes(4) + primary + box(b"iprp", container + box(b"ipma", ipma)))


def test_boxes_of_32_and_64_bits_and_up_to_the_end_are_found() -> None:
    data = box(b"abcd", b"12") + struct.pack(">I4sQ", 1, b"wide", 18) + b"34"
    data += struct.pack(">I4s", 0, b"last") + b"567"

    found = [(one.kind, data[one.start : one.end]) for one in boxes(data)]

    assert found == [(b"abcd", b"12"), (b"wide", b"34"), (b"last", b"567")]


@pytest.mark.parametrize("length", [2, 7, 100])
def test_a_box_of_an_impossible_length_ends_the_list(length: int) -> None:
    data = box(b"abcd", b"") + struct.pack(">I4s", length, b"evil") + b"123"

    assert [one.kind for one in boxes(data)] == [b"abcd"]


@pytest.mark.parametrize(
    "ipma",
    [
        struct.pack(">IIHBB", 0, 1, 7, 1, 0x82),
        struct.pack(">IIHBH", 1, 1, 7, 1, 0x8002),
        struct.pack(">IIIBB", 0x01000000, 1, 7, 1, 2),
        struct.pack(">IIHBBHBB", 0, 2, 3, 1, 1, 7, 1, 2),
    ],
)
def test_the_properties_of_the_primary_item_are_found(ipma: bytes) -> None:
    assert dict(primary_properties(meta(ipma))) == {b"irot": b"\1"}


def test_the_properties_of_another_item_do_not_count() -> None:
    assert dict(primary_properties(meta(struct.pack(">IIHBB", 0, 1, 3, 1, 2)))) == {}


def test_a_number_without_a_property_is_ignored() -> None:
    assert dict(primary_properties(meta(struct.pack(">IIHBB", 0, 1, 7, 1, 9)))) == {}


def test_a_file_without_boxes_has_nothing() -> None:
    assert find(b"\xff\xd8\xff", b"meta") is None
    assert dict(primary_properties(b"")) == {}
