"""Whatever an uploaded manifest contains, each of its lines becomes one entry of valid JSON."""

import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from darkroom.batches import manifests
from darkroom.batches.manifests import ADVICE, MAX_LINE_BYTES, ManifestTooLarge, entries, write

URL = "https://example.com/a.png"
GOOD = json.dumps({"imageUrl": URL}).encode()


def read(data: bytes, form: str = "jsonl", size: int = 1000) -> list[dict[str, object]]:
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return list(entries(pieces, form))


def table(*rows: bytes) -> list[dict[str, object]]:
    return read(b"imageUrl,name\n" + b"\n".join(rows), "csv")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_line_is_an_entry_with_its_number_however_the_bytes_arrive(size: int):
    data = b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \n" + "{ü}".encode() + b"\n\n"
    assert read(data, size=size) == [
        {"line": 1, "text": GOOD.decode()},
        {"line": 4, "text": "{ü}"},
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_file_of_empty_lines_has_no_entry(data: bytes, form: str):
    assert read(data, form) == []


@pytest.mark.parametrize(
    ("line", "shown", "problem"),
    [
        (b'{"name": "\xff"}', '{"name": "\ufffd"}', f"is not UTF-8, from byte 11 on: {ADVICE}"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", f"is not UTF-8, from byte 1 on: {ADVICE}"),
        (b"\xff\xfe{\x00}\x00", "\ufffd\ufffd{\0}\0", f"is not UTF-8, from byte 1 on: {ADVICE}"),
        (b'{"name": "\0"}', '{"name": "\0"}', "has control characters in it"),
        (b"\x1b[2J", "\x1b[2J", "has control characters in it"),
        (b"[" * 100_000, "[" * 500, "is longer than 32768 bytes"),
        (b"x" * 256 * 1024, "x" * 500, "is longer than 32768 bytes"),
        ("ü".encode() * 20_000, "ü" * 500, "is longer than 32768 bytes"),
        (b"\xff" * 40_000, "\ufffd" * 500, "is longer than 32768 bytes"),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_a_line_that_cannot_be_read_is_an_entry_that_says_why_and_the_others_are_as_they_were(
    line: bytes, shown: str, problem: str, size: int
):
    before, bad, after = read(b"\n".join([GOOD, line, GOOD]), size=size)
    assert (before["text"], after["text"], after["line"]) == (GOOD.decode(), GOOD.decode(), 3)
    assert bad == {"line": 2, "text": shown, "problem": problem}


def test_any_other_line_is_kept_unchanged_for_the_model_to_validate():
    odd = ["no JSON", "[" * 3_000, '"\\ud800"', "NaN", "1e400", "9" * 5_000, "\u2028", "\u202e<b>"]
    found = read("\n".join(odd).encode())
    assert [entry["text"] for entry in found] == odd
    assert not any("problem" in entry for entry in found)


def test_a_row_is_the_object_that_it_would_be_in_json_lines_without_what_is_empty():
    rows = [b'%s,"a ""b"", c"' % URL.encode(), b"%s," % URL.encode(), URL.encode(), b",a"]
    assert [json.loads(str(entry["text"])) for entry in table(*rows)] == [
        {"imageUrl": URL, "name": 'a "b", c'},
        {"imageUrl": URL},
        {"imageUrl": URL},
        {"name": "a"},
    ]


def test_a_row_of_empty_cells_is_skipped_like_an_empty_line():
    assert [row["line"] for row in table(URL.encode(), b",,,", b' , ""', URL.encode())] == [2, 5]


def test_empty_rows_above_the_header_and_what_programs_append_are_no_rows():
    data = b'\n;;\n"";""\nimageUrl;name\n%s;A\n' % URL.encode()
    for appended in (b"\x1a", bytes(4096)):
        [row] = read(data + appended, "csv")
    assert (row["line"], json.loads(str(row["text"]))) == (5, {"imageUrl": URL, "name": "A"})


def test_a_list_without_a_header_loses_no_line():
    first, second = read(f"{URL}\n{URL}\n".encode(), "csv")
    assert (first["line"], str(first["problem"]).split(":")[0]) == (1, "is not a header")
    assert str(second["problem"]).startswith("has no imageUrl")


@pytest.mark.parametrize(
    ("other", "read_as"), [("", URL), (URL, URL), ("https://b.example/", None)]
)
def test_a_column_that_is_named_twice_has_one_value(other: str, read_as: str | None):
    [row] = read(f"imageUrl,note,IMAGEURL\n{URL},x,{other}\n".encode(), "csv")
    if read_as:
        assert json.loads(str(row["text"])) == {"imageUrl": read_as}
    else:
        assert str(row["problem"]).startswith("has two values of imageUrl")


def test_the_table_of_a_spreadsheet_is_read_in_spite_of_its_byte_order_mark():
    [row] = read(f"\ufeffimageUrl, name\r\n{URL},A\r\n".encode(), "csv")
    assert (row["line"], json.loads(str(row["text"]))) == (2, {"imageUrl": URL, "name": "A"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "imageUrl,name|{URL},größe 👩",
        "ImageURL ; NAME|{URL};größe 👩",
        "no;name;imageurl;note;|1;größe 👩; {URL} ;a, b;",
        '"name"\t"imageUrl"|"größe 👩"\t"{URL}"',
        '"imageUrl";"name"|"{URL}"; "größe 👩"',
        "sep=;|imageUrl;name|{URL};größe 👩",
        "name,when, imageUrl|größe 👩,5;6;7,{URL},,,",
        "imageUrl,name|\u200b{URL}\u2060,\ufeffgröße 👩",
    ],
)
def test_a_table_of_a_spreadsheet_is_read(encoding: str, end: str, size: int, text: str):
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    data = (bom + text.replace("{URL}", URL) + "|").replace("|", end).encode(encoding)
    [row] = read(data, "csv", size)
    assert json.loads(str(row["text"])) == {"imageUrl": URL, "name": "größe 👩"}
    assert row["line"] == text.count("|") + 1


@pytest.mark.parametrize("start", [b"PK\3\4\x14\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_the_file_of_a_spreadsheet_is_one_problem_that_says_what_to_do(start: bytes):
    [entry] = read(start + b"\0\xff\n" * 9, "csv")
    assert str(entry["problem"]).endswith(f"spreadsheet's own file, which is not a list: {ADVICE}")


def test_a_table_without_a_column_of_sources_says_so_of_each_row():
    [row] = read(b"url;name\nhttps://a.example/;a\n", "csv")
    assert row["problem"] == "has no imageUrl: the first line does not name this column"


@pytest.mark.parametrize(
    ("data", "lines"), [(b"{\x00}\x00\n\x00\x00\xd8\n\x00", [1, 2]), (b"{\x00}\x00\n\x00{", [1, 2])]
)
def test_invalid_utf_16_is_a_problem_of_its_line(data: bytes, lines: list[int]):
    first, second = read(b"\xff\xfe" + data)
    assert [first["line"], second["line"]] == lines
    assert "problem" not in first
    assert str(second["problem"]).startswith("is not UTF-8")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b'https://a.example/,"open', "is not a row of this table: unexpected end of data"),
        (b'"https://a.example/"x,y', "is not a row of this table: ',' expected after '\"'"),
        (b"a,b,c", "is not a row of this table: it has 3 values, but there are 2 columns"),
        (b"a,\0", "has control characters in it"),
        (b"a,\xfc", f"is not UTF-8, from byte 3 on: {ADVICE}"),
        (b"a," + b"n" * 200_000, "is longer than 32768 bytes"),
        (b'a,"' + b"n" * 200_000 + b'"', "is longer than 32768 bytes"),
    ],
)
def test_a_row_that_cannot_be_read_leaves_the_rows_around_it_alone(row: bytes, problem: str):
    first, bad, last = table(URL.encode(), row, b'"%s"' % URL.encode())
    assert json.loads(str(first["text"])) == json.loads(str(last["text"])) == {"imageUrl": URL}
    assert bad["problem"] == problem


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quoted_value_may_have_line_breaks(end: str):
    data = f'imageUrl,name,note|"{URL}","two|lines","|a ""b""||c"|{URL},last,'.replace("|", end)
    first, last = read(data.encode(), "csv", 3)
    assert json.loads(str(first["text"])) == {"imageUrl": URL, "name": "two lines"}
    assert json.loads(str(last["text"])) == {"imageUrl": URL, "name": "last"}
    assert (first["line"], last["line"]) == (2, 7)


@pytest.mark.parametrize(
    ("row", "after"),
    [
        ('{URL},12" frame', '{URL},14" frame'),  # two quotation marks too many, each in its row
        ('{URL},"open', "{URL},a\n" * 150),  # never closed
        ('{URL},"open', '{URL},a\n{URL},"b,c"\n'),  # would be a row of too many values
        ('{URL},"open', "{URL}," + "a" * MAX_LINE_BYTES),
        ('{URL},"open', "{URL},\0"),
    ],
)
def test_a_mark_too_many_does_not_absorb_the_rows_after_it(row: str, after: str):
    lines = ["imageUrl,name", *f"{row}\n{after}".replace("{URL}", URL).splitlines()]
    found = read("\n".join(lines).encode(), "csv")
    assert [entry["line"] for entry in found] == [*range(2, len(lines) + 1)]


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b'imageUrl,"name', "is not a row of this table: unexpected end of data"),
        (b"\xffimageUrl", f"is not UTF-8, from byte 1 on: {ADVICE}"),
    ],
)
def test_a_table_without_columns_says_so_of_each_line(head: bytes, problem: str):
    first, second = read(head + b"\na,b\n", "csv")
    assert str(first["problem"]).startswith(problem)
    assert second["problem"] == (
        "is not a row of this table: the first line does not name the columns"
    )


@pytest.mark.parametrize("text", ["\\" * MAX_LINE_BYTES, "\x7f" * MAX_LINE_BYTES, "ü" * 16_000])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_every_entry_is_one_line_of_json_that_a_child_of_the_map_run_takes(text: str, form: str):
    head = "name\n" if form == "csv" else ""
    into = io.BytesIO()
    write([f"{head}{text}\n{text[:10]}\u2028\u2029\x85\n".encode()], form, into)
    first, second = into.getvalue().decode().splitlines()  # which also divides at these
    assert len(first) < 200_000
    assert len(json.dumps(json.loads(first))) < 200_000  # with every character escaped
    assert json.loads(second)["line"] == (3 if form == "csv" else 2)


def test_more_items_or_more_text_than_a_batch_may_have_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(manifests, "MAX_ITEMS", 2)
    write([b"a\nb\n"], "jsonl", io.BytesIO())
    with pytest.raises(ManifestTooLarge, match="2 items"):
        write([b"a\nb\nc\n"], "jsonl", io.BytesIO())
    monkeypatch.setattr(manifests, "MAX_BYTES", 40)
    with pytest.raises(ManifestTooLarge, match="40 bytes"):
        write([b"a\n" + b"b" * 20], "jsonl", io.BytesIO())


def test_a_file_without_an_end_of_line_needs_no_more_memory_than_a_piece_of_it():
    def endless() -> Iterator[bytes]:
        piece = b"x" * 1_000_000
        for _ in range(50):
            yield piece

    tracemalloc.start()
    try:
        [entry] = entries(endless(), "jsonl")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert entry["problem"] == "is longer than 32768 bytes"
