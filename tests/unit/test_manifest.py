import os
from pathlib import Path

import pytest

from local import manifest
from local.files import UnusableFile

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
    assert left_out == 1


def test_results_that_lie_in_the_folder_are_no_sources(photos: Path) -> None:
    (photos / "gray").mkdir()
    (photos / "gray" / "a.jpg").write_bytes(b"gray")

    sources, _ = manifest.read(photos, photos / "gray")

    assert "gray/a.jpg" not in [source.label for source in sources]


@pytest.mark.parametrize("out", [".", "..", "sub/../../photos"])
def test_results_do_not_go_where_the_pictures_are(photos: Path, out: str) -> None:
    with pytest.raises(UnusableFile, match="would lie among the pictures"):
        manifest.read(photos, photos / out)


def test_results_do_not_go_where_the_files_of_a_manifest_are(photos: Path) -> None:
    (photos / "list.txt").write_text("b.jpg\n")

    with pytest.raises(UnusableFile, match="would lie among the pictures"):
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


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("l.jsonl", '{"imageUrl": "https://x/a"}\n[]', "line 2: this is no JSON object"),
        ("l.jsonl", "{", "line 1: this is no JSON object"),
        ("l.jsonl", '{"name": "a"}', "line 1: there is no imageUrl"),
        ("l.csv", "url\nhttps://x/a", "has no column imageUrl"),
        ("l.csv", "imageUrl,name\n,b", "line 2: there is no imageUrl"),
        ("l.txt", "data:image/png;base64,AA", "line 1: give a file, and no data: URL"),
        ("l.txt", "\n", "There is no picture in"),
        ("l.doc", "", r"is no folder, and no .jsonl, .csv or .txt file"),
    ],
)
def test_a_wrong_manifest_is_told_by_its_line(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UnusableFile, match=complaint):
        manifest.read(tmp_path / name, tmp_path / "gray")


def test_a_manifest_that_is_no_text_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"\xff\xfe")

    with pytest.raises(UnusableFile, match="is not UTF-8"):
        manifest.read(tmp_path / "l.csv", tmp_path / "gray")
