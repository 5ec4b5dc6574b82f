import errno
import os
import re
import socket
from pathlib import Path

import pytest

from darkroom.batches.manifests import ADVICE
from darkroom.cli.batch import manifest
from darkroom.cli.batch.ignored import Ignored
from darkroom.cli.files import UnusableFile

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / ".thumbs").mkdir()
    for name in ("b.jpg", "a.JPG", "sub/c.webp", ".hidden.jpg", ".thumbs/d.jpg"):
        (folder / name).write_bytes(b"broken")
    (folder / "no-extension").write_bytes(PNG_HEAD)
    (folder / "notes.txt").write_text("notes")
    return folder


def test_a_folder_is_its_pictures_and_those_below_it(photos: Path, tmp_path: Path) -> None:
    sources, left_out = manifest.read(photos, tmp_path / "gray")

    assert [s.label for s in sources] == ["a.JPG", "b.jpg", "no-extension", "sub/c.webp"]
    assert [s.wanted for s in sources] == [s.label for s in sources]
    assert sources[3].file == photos / "sub" / "c.webp"
    assert sources[3].item == {"name": "sub/c.webp"}
    assert [one.label for one in left_out] == ["notes.txt"]


def test_results_in_the_folder_are_not_sources(photos: Path) -> None:
    (photos / "gray").mkdir()
    (photos / "gray" / "a.jpg").write_bytes(b"gray")

    sources, _ = manifest.read(photos, photos / "gray")

    assert "gray/a.jpg" not in [source.label for source in sources]


def test_a_folder_without_images_says_what_is_in_it(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"IMG_{number}.MOV").write_bytes(b"\0\0\0\x14ftypqt  ")
    (tmp_path / "index.html").write_text("<html>")

    with pytest.raises(UnusableFile, match="has no images") as refused:
        manifest.read(tmp_path, tmp_path / "gray")

    assert str(refused.value).splitlines()[1:] == [
        "Files ignored because they are not images: 6.",
        "  a video: IMG_0.MOV, IMG_1.MOV, IMG_2.MOV and 2 more",
        "  a web page: index.html",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("IMG_1.MOV", "a video, .* Of a live photo, the image is the file beside it."),
        ("a/index.HTML", "a web page, .* Save its images"),
        ("x.raf", "a camera's raw file, .* raw converter"),
        ("x.aae", "a file about another file, .* beside it"),
        ("x.pdf", "a PDF document, .* Export"),
        ("app.js", "a text, .* not those of an image."),
        ("dem.nc", "data of a map, .* GeoTIFF"),
        ("hand.cur", "an icon, .* PNG"),
        ("notes", "not an image, by its extension and its first bytes. If it is one, convert"),
    ],
)
def test_a_file_that_is_ignored_is_named_with_what_to_do(name: str, message: str) -> None:
    error, said = Ignored(name).problem

    assert error == "NotAnImage"
    assert re.fullmatch(f"{name} is {message}.*", said)


@pytest.mark.parametrize("out", [".", "..", "sub/../../photos"])
def test_results_do_not_go_where_the_pictures_are(photos: Path, out: str) -> None:
    with pytest.raises(UnusableFile, match="contains sources"):
        manifest.read(photos, photos / out)


def test_results_do_not_go_where_the_files_of_a_manifest_are(photos: Path) -> None:
    (photos / "list.txt").write_text("b.jpg\n")

    with pytest.raises(UnusableFile, match="contains sources"):
        manifest.read(photos / "list.txt", photos)


def test_a_source_that_changes_has_another_version(photos: Path, tmp_path: Path) -> None:
    before, same = (manifest.read(photos, tmp_path / "gray")[0][0].version() for _ in range(2))
    os.utime(photos / "a.JPG", ns=(1, 1))
    after = manifest.read(photos, tmp_path / "gray")[0][0].version()

    assert before == same
    assert before != after


def read(tmp_path: Path, name: str, text: str) -> list[manifest.Source]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return list(manifest.lines(tmp_path / name))


def test_a_text_file_has_a_url_or_a_file_on_each_line(tmp_path: Path) -> None:
    url, file, away = read(tmp_path, "l.txt", "https://x/a%20b.png?q\n\n sub/c.jpg\n../d.jpg")

    assert (url.label, url.item) == ("https://x/a%20b.png?q", {"imageUrl": "https://x/a%20b.png?q"})
    assert (url.wanted, url.file) == ("a b.png", None)
    assert (file.wanted, file.file) == ("sub/c.jpg", tmp_path / "sub" / "c.jpg")
    assert file.item == {"name": "sub/c.jpg"}
    assert away.wanted == "d.jpg"


def test_a_line_of_json_is_what_the_api_takes(tmp_path: Path) -> None:
    text = '{"imageUrl": "https://x/a", "output": {"quality": 5}}\n\n{"uploadId": "u1"}\n'
    text += '{"imageUrl": "c.jpg", "name": "mine"}'

    url, upload, file = read(tmp_path, "l.jsonl", text)

    assert url.item == {"imageUrl": "https://x/a", "output": {"quality": 5}}
    assert url.wanted == "a"
    assert upload.item == {"uploadId": "u1"}
    assert file.item == {"name": "mine"}


def test_a_csv_file_names_its_columns(tmp_path: Path) -> None:
    text = '\ufeffname,imageUrl,other\n"one, two",https://x/a.png,1\n,b.jpg,2\n'

    first, second = read(tmp_path, "l.csv", text)

    assert first.item == {"imageUrl": "https://x/a.png", "name": "one, two"}
    assert second.item == {"name": "b.jpg"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt"])
def test_a_list_of_a_spreadsheet_is_read_as_the_api_reads_it(
    tmp_path: Path, suffix: str, end: str, encoding: str
) -> None:
    rows = {
        "csv": ["IMAGEURL ;Note", "größe.png;a, b"],
        "tsv": ["Note\timageUrl", '"a\tb"\t"größe.png"'],
        "txt": ["größe.png"],
    }
    path = tmp_path / f"l.{suffix}"
    path.write_bytes(end.join([*rows[suffix], ""]).encode(encoding))

    [source] = manifest.lines(path)

    assert (source.problem, source.file) == (None, tmp_path / "größe.png")


GOOD = b'{"imageUrl": "https://x/a.png"}'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"[]", "is not a JSON object"),
        (b"{", "is not JSON: "),
        (b'{"name": "a"}', "has no imageUrl"),
        (b'{"imageUrl": 5}', "has no imageUrl"),
        (b'{"imageUrl": "data:image/png;base64,AA"}', "has a data: URL. Give a file"),
        (b'{"imageUrl": "a\\u0000.png"}', "does not name a file"),
        (b'{"imageUrl": "."}', "does not name a file"),
        (b'{"imageUrl": "a/.."}', "does not name a file"),
        (b'{"imageUrl": "https://x/", "name": "\\ud800"}', "is not JSON: "),
        (b'{"imageUrl": "https://x/", "output": {"quality": NaN}}', "is not JSON: "),
        (b'{"imageUrl": "https://x/", "output": {"quality": 1e400}}', "is not JSON: "),
        (b'{"imageUrl": "https://x/", "more": %s}' % (b"9" * 5_000), "is not JSON: "),
        (b"[" * 30_000, "is nested too deeply"),
        (b"[" * 100_000, "is longer than 32768 bytes"),
        (b'{"imageUrl": "\0"}', "has control characters in it"),
        (b'{"imageUrl": "\xff"}', f"is not UTF-8, from byte 15 on: {ADVICE}"),
    ],
    ids=range(16),
)
def test_a_wrong_line_has_a_problem_that_names_it_and_the_others_have_none(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    path = tmp_path / "l.jsonl"
    path.write_bytes(b"\n".join([GOOD, line, GOOD]))

    first, wrong, last = manifest.lines(path)

    assert first.problem is last.problem is None
    assert wrong.problem
    error, message = wrong.problem
    assert error == "NoSource"
    assert message.startswith(f"{path}, line 2 {problem}")
    assert wrong.label.startswith("line 2: ")
    assert len(wrong.label) < 300


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("imageUrl,name\n,b\nhttps://x/a", ["line 2 has no imageUrl", None]),
        ("url\nhttps://x/a", ["line 2 has no imageUrl"]),
        (f"imageUrl\n{'n' * 200_000}\nhttps://x/a", ["line 2 is longer than 32768 bytes", None]),
        ('imageUrl,name\nhttps://x/a,"b\nhttps://x/a,c', ["line 2 is not a row", None]),
    ],
)
def test_a_wrong_row_has_a_problem_that_names_its_line(
    tmp_path: Path, text: str, problems: list[str | None]
) -> None:
    found = [source.problem for source in read(tmp_path, "l.csv", text)]
    assert [
        reported and problem in reported[1]
        for reported, problem in zip(found, problems, strict=True)
    ] == [problem and True for problem in problems]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("l.txt", "\n", "has no images"),
        ("l.doc", "", r"is neither a folder nor a .jsonl, .csv, .tsv or .txt file"),
    ],
)
def test_a_file_that_is_not_a_manifest_is_reported(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UnusableFile, match=complaint):
        manifest.read(tmp_path / name, tmp_path / "gray")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://[v1.x]/a.png", "https://x/con", "https://x/ .png"]
)
def test_whatever_a_url_is_its_result_gets_a_name(tmp_path: Path, url: str) -> None:
    [source] = read(tmp_path, "l.txt", url)
    assert source.wanted.removesuffix(".png") in {"image", "a", "_con"}


def test_a_folder_that_cannot_be_read_is_reported_and_the_others_are_read(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir  # root may read everything

    def refuse(path: str) -> object:
        if Path(path).name == "sub":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    sources, _ = manifest.read(photos, tmp_path / "gray")

    assert [s.label for s in sources] == ["a.JPG", "b.jpg", "no-extension", "sub"]
    assert sources[3].problem
    assert sources[3].problem[0] == "UnreadableFile"


def test_a_path_that_is_not_a_file_is_not_waited_for(photos: Path, tmp_path: Path) -> None:
    """A pipe without a writer, a device, a socket and circular links, with any name."""
    os.mkfifo(photos / "pipe")
    os.mkfifo(photos / "pipe.png")
    (photos / "zero").symlink_to("/dev/zero")
    (photos / "circle").symlink_to("circle")
    (photos / "circle.png").symlink_to("circle.png")
    (photos / "sub" / "up").symlink_to(photos)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(photos / "socket.png"))

        sources, left_out = manifest.read(photos, tmp_path / "gray")
        labels = [source.label for source in sources]
        assert {"pipe.png", "circle.png", "socket.png"} <= set(labels)
        assert not {"pipe", "zero", "circle", "sub/up/a.JPG"} & set(labels)
        assert len(left_out) == 4
        assert all(source.version() for source in sources)
