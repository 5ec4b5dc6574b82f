from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from darkroom.cli.submissions import Job
from tools.demo.__main__ import explained, judge, served

FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "answered 404"}


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.png"
    Image.new("RGB", (40, 30), (255, 0, 0)).save(path)
    return path


@pytest.fixture
def site(card: Path) -> Iterator[str]:
    with served(card) as address:
        yield address


def developed(gray: Image.Image, folder: Path) -> Job:
    path = folder / "gray.png"
    gray.save(path)
    return Job("card.png", "card-gray", {"taskId": "t1", "status": "COMPLETED"}, saved=path)


def missing(**more: Any) -> Job:
    task = {"taskId": "t2", "status": "FAILED", "failure": FAILURE, **more}
    return Job("missing.png", "missing-gray", task)


def test_the_demo_serves_its_picture_and_nothing_else(site: str, card: Path) -> None:
    assert httpx.get(f"{site}/card.png").content == card.read_bytes()
    assert httpx.get(f"{site}/missing.png").status_code == 404
    assert site.startswith("http://127.0.0.1:")


def test_a_correct_batch_and_its_execution_have_no_violation(card: Path, tmp_path: Path) -> None:
    assert judge(developed(Image.new("L", (40, 30), 76), tmp_path), missing(), card) == []


@pytest.mark.parametrize(
    ("gray", "complaint"),
    [
        (Image.new("RGB", (40, 30), (76, 76, 76)), "should be L"),
        (Image.new("L", (30, 40), 76), "should be L of (40, 30)"),
        (Image.new("L", (40, 30), 85), "9.0 levels off"),
    ],
)
def test_a_gray_image_that_is_wrong_fails_the_demo(
    card: Path, tmp_path: Path, gray: Image.Image, complaint: str
) -> None:
    (wrong,) = judge(developed(gray, tmp_path), missing(), card)

    assert complaint in wrong


def test_a_picture_that_was_not_converted_fails_the_demo(card: Path) -> None:
    lost = Job("card.png", "card-gray", {"taskId": "t1", "status": "FAILED"})

    assert judge(lost, missing(), card) == ["card.png is FAILED and should be COMPLETED."]


@pytest.mark.parametrize(
    "ending",
    [
        {"status": "COMPLETED", "failure": None},
        {"failure": FAILURE | {"error": "SourceBlocked"}},
        {"failure": FAILURE | {"step": "Grayscale"}},
    ],
)
def test_a_missing_picture_that_ends_otherwise_fails_the_demo(
    card: Path, tmp_path: Path, ending: dict[str, Any]
) -> None:
    good = developed(Image.new("L", (40, 30), 76), tmp_path)

    (wrong,) = judge(good, missing(**ending), card)

    assert "should fail with SourceNotFound" in wrong


def test_the_demo_explains_the_failure_as_the_page_does_and_gives_its_address() -> None:
    task = missing().task
    assert task is not None
    meaning = (
        "The source answered 404, 410 or another 4xx, or the upload is more than two weeks old. "
        "Check the URL, or upload the file again."
    )

    assert explained(task, "http://127.0.0.1/v1/#/tasks/t2") == [
        "Download failed: SourceNotFound",
        "  answered 404",
        f"  {meaning}",
        "  See it in the browser: http://127.0.0.1/v1/#/tasks/t2",
    ]
    assert explained(task | {"failure": None}, "x") == []
