import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from darkroom.cli import files, render
from darkroom.client.uploads import media_type


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0", "image/png"),
        (b"RIFF\x24\n\0\0WEBPVP8 ", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"BM\x36", "image/bmp"),
        (b"II+\0", "image/tiff"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypmif1", "image/heic"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
        (b"\xff\x4f\xff\x51", "image/j2c"),
        (b"# Notes", "image/x-unknown"),
    ],
)
def test_a_media_type_is_decided_by_the_bytes(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("holiday/cat.jpg", "cat-gray"),
        ("https://example.com/a%20b/gr%C3%BCn.tar.png?x=/y", "grün.tar-gray"),
        ("https://example.com", "image-gray"),
        ("https://example.com/..%2f..%2fetc%2fpasswd", "passwd-gray"),
        ("https://example.com/%2e%2e", "image-gray"),
        ("https://example.com/%00", "_-gray"),
        ("http://[::1", "image-gray"),
        ("a" * 254, "a" * 245 + "-gray"),
        ("ü" * 127 + ".png", "ü" * 122 + "-gray"),
        ("https://example.com/" + "例" * 100, "例" * 81 + "-gray"),
        ("HTTPS://example.com/a:b*.png", "a_b_-gray"),
        ("data:image/png;base64,AAAA", "image-gray"),
    ],
)
def test_a_result_is_named_after_its_source_and_stays_in_its_folder(source: str, stem: str) -> None:
    assert files.result_stems([source]) == [stem]


def test_no_two_results_have_the_same_name() -> None:
    sources = ["a.png", "b/a.jpg", "A.gif", "a-gray-2.png", "a-gray.png", "\u00e9", "e\u0301"]
    stems = files.result_stems([*sources, *["x" * 255] * 3])

    assert len({files.collision_key(stem) for stem in stems}) == 10
    assert max(map(len, stems)) == 250


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: None, "does not exist"),  # noqa: ARG005
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (lambda path: path.symlink_to("x"), "cannot be read"),
    ],
)
def test_a_path_that_is_not_a_file_is_reported(
    tmp_path: Path, make: object, complaint: str
) -> None:
    assert callable(make)
    make(tmp_path / "x")

    with pytest.raises(files.UnusableFile, match=complaint):
        files.check(str(tmp_path / "x"))


def test_a_narrow_terminal_never_cuts_the_id_of_a_task() -> None:
    task_id = "a322f32f-ea8d-41a9-822b-0d38dbb9797c"
    task = {
        "taskId": task_id,
        "status": "COMPLETED",
        "createdAt": "2026-11-25T01:02:03.456Z",
        "completedAt": "2026-11-25T01:02:05.456Z",
        "name": "a name",
        "source": {"imageUrl": "https://example.com/" + "x" * 200},
    }
    console = Console(width=80, file=io.StringIO(), force_terminal=True)

    with console.capture() as captured:
        console.print(render.task_table([task]))

    assert task_id in captured.get()
    assert len(captured.get().splitlines()) == 2


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ({"imageUrl": "data:image/png;base64,…"}, "data:image/png;base64,…"),
        ({"uploadId": "u"}, "an upload"),
        ({"object": "trip/a.jpg"}, "trip/a.jpg"),
        ({"line": "", "lineNumber": 17}, "line 17 of a manifest"),
    ],
)
def test_a_task_is_shown_with_its_source_whatever_kind_that_is(
    source: dict[str, object], shown: str
) -> None:
    assert render.source({"source": source}) == shown
