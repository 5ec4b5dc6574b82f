"""`darkroom` with unexpected names, files and lists: each ends with a result or a reason.

The program runs in a separate process with a time limit, because a hanging program is a failure.
"""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom.cli.batch.command import cell
from darkroom.client import Darkroom, transport
from tests.support.batch_folders import folder, report, saved
from tests.support.fakes.api import GRAY, PNG, Api, darkroom

SECONDS = 300


def run(*arguments: str | bytes | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("darkroom")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert "Traceback" not in done.stderr
    return done


NAMES = [
    b"caf\xe9.png",
    b"\xff\xfe",
    "👩‍👩‍👧.png".encode(),
    "gro\u0308ße.png".encode(),
    "\u202egnp.exe.png".encode(),
    b"a\nb.png",
    b"a\tb\x1b[2J.png",
    b"=1+1.png",
    b"'quote.png",
    b"con.png",
    b"trailing.png.",
    b"x" * 254,
    b"y" * 251 + b".png",
    b"z" * 251 + b".bmp",
    b"a",
    b"a.png/b.png",
    b"report.csv/c.png",
]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("count", [0, 1000], ids=["as sources", "as a manifest"])
def test_a_picture_is_saved_whatever_it_is_called(api: Api, count: int) -> None:
    api.batches.pace = 400
    place = os.fsencode(folder(*(f"n/{number}.png" for number in range(count + 1))))
    for name in NAMES:
        path = os.path.join(place, name)  # noqa: PTH118 - of bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        Path(os.fsdecode(path)).write_bytes(PNG)

    done = run("batch", os.fsdecode(place), "--out", "gray")

    assert done.returncode == 0, done.stderr + done.stdout
    [written] = Path("gray").glob("report*.csv.csv")
    with written.open(newline="", encoding="utf-8") as file:
        rows = {row["source"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(NAMES) + count + 1
    assert {row["status"] for row in rows.values()} == {"COMPLETED"}
    assert rows["caf\\udce9.png"]["file"] == "caf\\udce9.png"
    assert rows["'=1+1.png"]["file"] == "'=1+1.png"
    assert Path("gray", os.fsdecode(NAMES[0])).read_bytes() == GRAY
    results = [path for path in Path("gray").rglob("*") if path.is_file()]
    assert sum(path.read_bytes() == GRAY for path in results) == len(rows)


@pytest.mark.usefixtures("api")
def test_a_path_that_is_not_a_readable_file_has_a_row_and_nothing_hangs() -> None:
    place = folder("a.png", "empty.png")
    os.mkfifo(place / "pipe.png")
    os.mkfifo(place / "pipe")
    (place / "zero.png").symlink_to("/dev/zero")
    (place / "circle.png").symlink_to("circle.png")
    (place / "gone.png").symlink_to("nowhere")
    (place / "folder.png").mkdir()
    (place / "up").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "socket.png"))
        done = run("batch", place, "--out", "gray")

    assert done.returncode == 1
    assert saved() == {"a.png"}
    errors = {name: row["error"] for name, row in report().items()}
    assert errors.pop("empty.png") == "EmptyFile"
    assert errors.pop("pipe") == "NotAnImage"
    unreadable = {"pipe.png", "zero.png", "circle.png", "gone.png", "socket.png"}
    assert errors == {"a.png": "", **dict.fromkeys(unreadable, "UnreadableFile")}
    assert all(row["message"] for row in report().values() if row["error"])


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("size", [9, 200_000], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_sent_is_one_that_was_refused(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    place = folder("a.png", "changes.png")
    (place / "changes.png").write_bytes(PNG + bytes(100_000))
    connection = transport.connection

    def changing(**options: Any) -> httpx.Client:
        """The file changes after the length of the request was set and before it is sent."""

        def change(request: httpx.Request) -> None:
            if int(request.headers.get("Content-Length", 0)) > 100_000:
                os.truncate(place / "changes.png", size)

        return connection(**options, event_hooks={"request": [change]})

    monkeypatch.setattr(transport, "connection", changing)

    done = darkroom("batch", place, "--out", "gray")

    assert done.exit_code == 1
    assert saved() == {"a.png"}
    assert report()["changes.png"]["error"] == "UnreadableFile"
    assert "changed during the upload" in report()["changes.png"]["message"]


@pytest.mark.usefixtures("api")
def test_every_line_of_a_list_has_a_row_and_the_good_ones_a_result() -> None:
    folder("a.png")
    bad = [
        b"no JSON", b"[" * 30_000, b"[" * 100_000, b'{"imageUrl": "a\\u0000.png"}', b"\xff",
        b'{"imageUrl": "\\ud800.png"}', b'{"imageUrl": "photos/a.png", "name": "\\udfff"}',
        b'{"imageUrl": ".."}', b"null", b'{"imageUrl": "%s"}' % (b"n" * 5_000), b"\0",
        b'{"imageUrl": "http://[::1"}', b'{"imageUrl": "https://x/refused"}', b'{"imageUrl": "="}',
    ]  # fmt: skip
    good = [b'{"imageUrl": "photos/a.png"}', b'{"imageUrl": "https://x/b.png"}']
    Path("list.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([good[0], *bad, good[1]]))

    done = run("batch", "list.jsonl", "--out", "gray")

    assert done.returncode == 1
    rows = report()
    assert len(rows) == len(bad) + len(good)
    assert len(saved()) >= len(good)
    assert all(row["error"] and row["message"] for row in rows.values() if not row["file"])
    assert sum(bool(row["file"]) for row in rows.values()) >= len(good)
    reported = [row["message"] for source, row in rows.items() if source.startswith("line ")]
    assert [f"line {number} " in text for number, text in zip(range(2, 12), reported, strict=False)]


@pytest.mark.usefixtures("api")
def test_a_row_of_200_kb_has_a_reason_and_the_others_a_result() -> None:
    rows = [
        "imageUrl,name",
        "https://x/a.png,a",
        f'https://x/b.png,"{"n" * 200_000}"',
        "https://x/c.png,c",
    ]
    Path("list.csv").write_text("\n".join(rows))

    done = run("batch", "list.csv", "--out", "gray")

    assert done.returncode == 1
    assert len(saved()) == 2
    [wrong] = [row for row in report().values() if row["error"]]
    assert wrong["message"] == "list.csv, line 3 is longer than 32768 bytes."


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circle", "socket", "not UTF-8"])
@pytest.mark.usefixtures("api")
def test_submit_takes_files_only_and_waits_for_nothing_else(kind: str) -> None:
    name = os.fsdecode(b"caf\xe9.png") if kind == "not UTF-8" else "x"
    with socket.socket(socket.AF_UNIX) as listener:
        {
            "pipe": lambda: os.mkfifo("x"),
            "device": lambda: Path("x").symlink_to("/dev/zero"),
            "folder": lambda: Path("x").mkdir(),
            "circle": lambda: Path("x").symlink_to("x"),
            "socket": lambda: listener.bind("x"),
            "not UTF-8": lambda: Path(name).write_bytes(PNG),
        }[kind]()
        done = run("submit", name, "--out", "gray")

    if kind == "not UTF-8":
        assert done.returncode == 0, done.stderr
        assert Path("gray", os.fsdecode(b"caf\xe9-gray.jpg")).read_bytes() == GRAY
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("x ")


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "https://x/a.png", "--name", "\udcff"),
        ("submit", "https://x/\udcff.png"),
        ("list", "--name", "\udcff"),
        ("status", "\udcff"),
        ("status", "--batch", "\udcff"),
        ("batch", "\udcff", "--out", "gray"),
        ("submit", "x" * 5_000),
        ("batch", "x" * 5_000, "--out", "gray"),
    ],
    ids=range(8),
)
def test_an_argument_that_is_not_text_is_reported_in_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode in {1, 2}
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1",  # noqa: RUF001
        "'=1", "'", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")',
    ],
)  # fmt: skip
def test_no_cell_of_the_report_is_a_formula_and_none_is_lost(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a.png", "1-2", "a=b", "day 1/IMG_1.JPG", "ü", '"'])
def test_any_other_cell_is_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.usefixtures("api")
def test_a_report_quotes_every_cell() -> None:
    place = folder("=1+1;=2.png")
    assert darkroom("batch", place, "--out", "gray").exit_code == 0
    _, line, *_ = Path("gray", "report.csv").read_text().splitlines()
    assert line.startswith(""""'=1+1;=2.png","COMPLETED","","","'=1+1;=2.png",""")


def test_the_client_waits_for_no_pipe(api: Api, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with Darkroom(api.server.url_for("/dev"), "key") as client:
        with pytest.raises(OSError, match="Not a regular file"):
            client.upload(tmp_path / "pipe")
        with pytest.raises(ValueError, match="null"):
            client.upload(tmp_path / "a\0b")
