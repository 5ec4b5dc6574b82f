"""`darkroom batch` on a folder, from files to files."""

import csv
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from darkroom.cli.main import app
from darkroom.client import batches
from tests.support.cloud.stacks import Stack
from tests.support.project import PROJECT

pytestmark = pytest.mark.timeout(1200)

DOCS = PROJECT / "docs" / "batch.md"
FORMATS = {"jpg": "JPEG", "JPEG": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}
BROKEN = {
    "broken/text.jpg": b"This is no picture.",
    "broken/cut.png": b"",
    "broken/empty.gif": b"",
}


@pytest.fixture
def run(standard: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DARKROOM_API_URL", standard.description["apiUrl"])
    monkeypatch.setenv("DARKROOM_API_KEY", standard.description["apiKey"])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return call


def picture(number: int, kind: str, size: tuple[int, int] = (24, 16)) -> bytes:
    """A small picture with a colour that no other one has."""
    data = io.BytesIO()
    Image.new("RGB", size, (number, 255 - number, 90)).save(data, kind)
    return data.getvalue()


def put(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = Path("photos", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def report() -> dict[str, dict[str, str]]:
    with Path("gray", "report.csv").open(newline="", encoding="utf-8") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def test_a_folder_of_200_becomes_200_gray_files_with_the_same_names(run):
    extensions = list(FORMATS)
    good = {}
    for number in range(200):
        extension = extensions[number % len(extensions)]
        name = f"day {number % 4}/IMG_{number:03}.{extension}"
        good[name] = picture(number, FORMATS[extension])
    put(good)

    done = run("batch", "photos", "--out", "gray", "--name", "holiday")

    assert done.exit_code == 0, done.output
    assert "200 of 200 saved in gray" in done.stdout, done.output
    files = {path for path in Path("gray").rglob("IMG_*") if path.is_file()}
    assert {path.relative_to("gray").as_posix() for path in files} == set(good)
    for number, name in enumerate(good):
        with Image.open(Path("gray", name)) as gray, Image.open(Path("photos", name)) as colour:
            assert (gray.size, gray.format) == (colour.size, colour.format)
            # WebP has no gray mode: there the three channels are equal.
            red, green, blue = gray.convert("RGB").getpixel((5, 5))
            assert red == green == blue
            # Every picture has another gray: 299 of 1000 red, 587 green, 114 blue.
            luma = (299 * number + 587 * (255 - number) + 114 * 90) / 1000
            assert abs(green - luma) < 3
    assert {row["status"] for row in report().values()} == {"COMPLETED"}


def test_what_is_broken_is_reported_and_the_rest_is_saved(run):
    whole = picture(1, "PNG", (300, 200))
    put(
        {
            "a.png": whole,
            "b.bmp": picture(2, "BMP"),
            "really-a-png.jpg": picture(3, "PNG"),
            **BROKEN,
            "broken/cut.png": whole[: len(whole) // 2],
        }
    )
    Path("photos", "notes.txt").write_text("Not a picture.")

    done = run("batch", "photos", "--out", "gray")

    assert done.exit_code == 1
    assert "3 of 6 saved in gray" in done.stdout
    rows = report()
    assert {name: row["file"] for name, row in rows.items()} == {
        "a.png": "a.png",
        "b.bmp": "b.bmp",
        "really-a-png.jpg": "really-a-png.png",
        "broken/cut.png": "",
        "broken/empty.gif": "",
        "broken/text.jpg": "",
        "notes.txt": "",
    }
    assert rows["notes.txt"]["status"] == "IGNORED"
    reported = {name: (rows[name]["status"], rows[name]["error"]) for name in BROKEN}
    assert reported == {
        "broken/cut.png": ("FAILED", "InvalidImage"),
        "broken/empty.gif": ("REFUSED", "EmptyFile"),
        "broken/text.jpg": ("FAILED", "UnsupportedFormat"),
    }
    for error in ("InvalidImage", "EmptyFile", "UnsupportedFormat"):
        assert error in done.stdout


def test_the_same_command_again_finds_its_batch(run, standard: Stack):
    put({"a.png": picture(1, "PNG")})
    first = run("batch", "photos", "--out", "gray")
    Path("gray", "a.png").unlink()

    again = run("batch", "photos", "--out", "gray")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout.splitlines()[0] == again.stdout.splitlines()[0]
    assert Path("gray", "a.png").is_file()
    batch_id = first.stdout.split()[1]
    assert standard.http.get(f"/batches/{batch_id}").json()["counts"]["COMPLETED"] == 1
    assert run("status", "--batch", batch_id).stdout.startswith("COMPLETED")
    assert "NotCancellable" not in run("cancel", "--batch", batch_id).stderr


@pytest.mark.usefixtures("run")
def test_the_program_in_the_docs_converts_an_upload(standard: Stack):
    [program] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    for number in range(3):
        Path(f"{number}.png").write_bytes(picture(number, "PNG"))

    exec(  # noqa: S102 - our own documentation
        program,
        {"api_url": standard.description["apiUrl"], "api_key": standard.description["apiKey"]},
    )

    for number in range(3):
        with Image.open(f"gray-{number}.png") as gray:
            assert gray.mode == "L"


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_a_manifest_has_urls_and_files(run, sources, suffix: str):
    put({"a.png": picture(1, "PNG")})
    url = sources.url("/colour.jpg")
    lines = {
        ".txt": f"{url}\nphotos/a.png\n",
        ".csv": f"imageUrl,name\n{url},first\nphotos/a.png,second\n",
        ".jsonl": f'{{"imageUrl": "{url}"}}\n{{"imageUrl": "photos/a.png"}}\n',
    }
    Path("list").with_suffix(suffix).write_text(lines[suffix])

    done = run("batch", f"list{suffix}", "--out", "gray")

    assert done.exit_code == 0, done.output
    assert Path("gray", "colour.jpg").is_file()
    assert Path("gray", "photos", "a.png").is_file()


def test_more_lines_than_one_request_takes_are_a_manifest_that_the_api_reads(
    run, sources, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "INLINE", 10)
    put({"a.png": picture(1, "PNG")})
    lines = [sources.url(f"/flaky/0/{number}.jpg") for number in range(20)]
    Path("list.txt").write_text("\n".join([*lines, "https://", "photos/a.png"]))

    done = run("batch", "list.txt", "--out", "gray")

    assert done.exit_code == 1
    assert "21 of 22 saved in gray" in done.stdout, done.output
    assert report()["https://"]["error"] == "NoSource"
    assert len(list(Path("gray").glob("*.jpg"))) == 20
    assert Path("gray", "photos", "a.png").is_file()
