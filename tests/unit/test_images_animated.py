"""Animations keep their frames, times and loops where the output can hold them."""

import io
from typing import Any

import pytest
from pictures import encode, pixels, read
from PIL import Image

from darkroom.images import Gray, grayscale

TIMES = [100, 250, 40]
GRAYS = [76, 150, 29]  # of the frames red, green and blue


def animation(file_format: str, **options: Any) -> bytes:
    red, green, blue = (Image.new("RGB", (8, 6), c) for c in ("red", (0, 255, 0), "blue"))
    if file_format == "WEBP":
        options["lossless"] = True
    return encode(
        red, file_format, save_all=True, append_images=[green, blue], duration=TIMES, **options
    )


def develop(data: bytes, output: str = "auto") -> Gray:
    return grayscale(data, output=output, quality=95, max_pixels=1000)


def frames(image: Image.Image) -> list[tuple[int, int]]:
    """Return gray and duration of every frame."""
    found = []
    for n in range(getattr(image, "n_frames", 1)):
        image.seek(n)
        image.load()
        value = int(pixels(image.convert("L"))[3, 4])
        found.append((value, int(image.info.get("duration", 0))))
    return found


@pytest.mark.parametrize("loop", [0, 3])
@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_frames_times_and_loops(file_format: str, loop: int) -> None:
    result = read(develop(animation(file_format, loop=loop)))

    assert result.format == file_format
    assert result.info.get("loop") == loop
    developed = frames(result)
    assert [time for _, time in developed] == TIMES
    assert [gray for gray, _ in developed] == pytest.approx(GRAYS, abs=1)


@pytest.mark.parametrize(
    ("source", "output"), [("GIF", "webp"), ("GIF", "png"), ("WEBP", "png"), ("PNG", "webp")]
)
def test_an_animation_stays_one_in_another_format(source: str, output: str) -> None:
    result = read(develop(animation(source, loop=2), output))

    developed = frames(result)
    assert [time for _, time in developed] == TIMES
    assert [gray for gray, _ in developed] == pytest.approx(GRAYS, abs=1)
    assert result.info.get("loop") == 2


@pytest.mark.parametrize("source", ["GIF", "WEBP", "PNG"])
def test_a_format_without_animation_gets_the_first_frame(source: str) -> None:
    result = read(develop(animation(source), "jpeg"))

    assert [gray for gray, _ in frames(result)] == pytest.approx(GRAYS[:1], abs=1)


def test_a_gif_that_plays_once_still_plays_once() -> None:
    source = animation("GIF")
    assert "loop" not in Image.open(io.BytesIO(source)).info

    assert "loop" not in read(develop(source)).info


@pytest.mark.parametrize("output", ["webp", "png"])
def test_transparent_parts_of_an_animation_stay_transparent(output: str) -> None:
    clear = [Image.new("RGBA", (8, 6), (200, 200, 200, 0)) for _ in range(2)]
    for n, frame in enumerate(clear):
        frame.paste((200, 200, 200, 255), (n, 0, n + 3, 3))
    source = encode(
        clear[0], "GIF", save_all=True, append_images=clear[1:], duration=100, disposal=2
    )

    result = read(develop(source, output))

    alphas = []
    for n in range(2):
        result.seek(n)
        alphas.append(pixels(result.convert("RGBA").getchannel("A"))[0].astype(int).tolist())
    assert alphas == [[255, 255, 255, 0, 0, 0, 0, 0], [0, 255, 255, 255, 0, 0, 0, 0]]


def test_a_tiff_of_several_pages_gives_its_first() -> None:
    pages = [Image.new("L", (8, 6), gray) for gray in (10, 20)]
    source = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    result = read(develop(source))

    assert getattr(result, "n_frames", 1) == 1
    assert pixels(result)[0, 0] == 10


def test_a_jpeg_with_a_second_picture_gives_its_first() -> None:
    pages = [Image.new("RGB", (8, 6), (gray, gray, gray)) for gray in (10, 20)]
    source = encode(pages[0], "MPO", save_all=True, append_images=pages[1:])

    gray = develop(source)

    assert (gray.content_type, read(gray).format) == ("image/jpeg", "JPEG")
    assert pixels(read(gray))[0, 0] == pytest.approx(10, abs=1)
