"""Animations keep their frames, times and loops where the output can hold them."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from darkroom.errors import ImageTooLarge
from darkroom.images import conversion as luma
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import encode, pixels, read

TIMES = [100, 250, 40]
GRAYS = [76, 150, 29]  # of the frames red, green and blue


def animation(file_format: str, **options: Any) -> bytes:
    red, green, blue = (Image.new("RGB", (8, 6), c) for c in ("red", (0, 255, 0), "blue"))
    if file_format == "WEBP":
        options["lossless"] = True
    if file_format == "AVIF":
        options["quality"] = 100
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


def test_an_animated_avif_keeps_its_frames_and_times() -> None:
    developed = frames(read(develop(animation("AVIF"))))

    assert [time for _, time in developed] == TIMES
    assert [gray for gray, _ in developed] == pytest.approx(GRAYS, abs=2)


@pytest.mark.parametrize("output", ["png", "webp"])
def test_a_gif_that_plays_once_does_so_in_another_format(output: str) -> None:
    assert read(develop(animation("GIF"), output)).info["loop"] == 1


def dots(*columns: int | None, disposal: int) -> bytes:
    """A GIF of one row, with a gray dot in each frame and nothing around it."""
    frames = []
    for column in columns:
        frame = Image.new("RGBA", (8, 1))
        if column is None:
            frame.paste((90, 90, 90, 255), (0, 0, 8, 1))
        else:
            frame.putpixel((column, 0), (200, 200, 200, 255))
        frames.append(frame)
    more: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "disposal": disposal}
    return encode(frames[0], "GIF", duration=100, **more)


def shown(image: Image.Image) -> list[list[int | None]]:
    """Return the gray of each pixel of the first row of each frame, None where there is none."""
    rows = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        row = pixels(image.convert("RGBA"))[0].astype(int)
        rows.append([int(red) if alpha else None for red, _, _, alpha in row])
    return rows


@pytest.mark.parametrize("output", ["auto", "png"])
# The cases that Pillow composes like browsers. `test_gifs.py` has all others.
@pytest.mark.parametrize(
    ("columns", "disposal"),
    [
        *(((0, 1, 2), disposal) for disposal in (1, 2, 3)),
        *(((0, None, 3), disposal) for disposal in (1, 3)),
        ((None, 2, 5), 1),
    ],
)
def test_what_a_gif_shows_in_each_frame_stays_as_it_is(
    columns: tuple[int | None, ...], disposal: int, output: str
) -> None:
    source = dots(*columns, disposal=disposal)

    assert shown(read(develop(source, output))) == shown(Image.open(io.BytesIO(source)))


def test_a_gif_of_every_gray_keeps_its_transparency_to_one_level() -> None:
    levels = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    clear = levels.convert("LA")
    clear.putpixel((0, 0), (0, 0))
    colours = encode(clear.convert("RGBA"), "PNG")

    # The source is a PNG, because only PNG has more colours than a GIF in each frame.
    frames = luma.fit([Image.open(io.BytesIO(colours)).convert("LA"), levels], "GIF")

    key = frames[0].info["transparency"]
    assert pixels(frames[0])[0, 0] == key
    assert np.abs(pixels(frames[1]) - pixels(levels)).max() <= 1


def test_frames_that_reach_over_the_edge_are_cut_there() -> None:
    small, large = Image.new("L", (4, 4), 200), encode(Image.new("L", (9, 9)), "GIF")
    small.putpixel((0, 0), 0)  # the first colour of its palette, which the other frame is full of
    source = encode(small, "GIF")[:-1] + large[large.index(b"\x2c\0\0\0\0\x09\0\x09\0") :]
    whole = Image.open(io.BytesIO(source))
    assert [image.size for image in ImageSequence.all_frames(whole)] == [(4, 4), (9, 9)]

    result = read(develop(source, "png"))

    assert (result.size, result.n_frames) == ((4, 4), 2)


@pytest.mark.parametrize(
    ("output", "seen"), [("auto", [10, 76, 150]), ("webp", [76, 150]), ("jpeg", [10])]
)
def test_the_default_image_of_an_apng_is_not_a_frame(output: str, seen: list[int]) -> None:
    poster, red, green = (Image.new("RGB", (8, 6), c) for c in ((10, 10, 10), "red", (0, 255, 0)))
    options: dict[str, Any] = {"save_all": True, "default_image": True, "duration": [100, 250]}
    source = encode(poster, "PNG", append_images=[red, green], **options)

    developed = frames(read(develop(source, output)))

    assert [gray for gray, _ in developed] == pytest.approx(seen, abs=1)
    if output != "jpeg":
        assert [time for _, time in developed][-2:] == [100, 250]


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_an_animation_that_lies_on_its_side_stands_up(file_format: str) -> None:
    exif = Image.Exif()
    exif[274] = 6

    result = read(develop(animation(file_format, exif=exif)))

    assert (result.size, result.n_frames) == ((6, 8), 3)
    assert result.getexif().get(274, 1) == 1


COMMENT = b"!\xfe\x02hi\x00"


@pytest.mark.parametrize(
    ("cut", "behind", "count"),
    [
        (None, b"", 1),
        (-1, b"", 1),  # no trailer
        (None, b"garbage", 1),
        (-1, COMMENT + b";", 1),
        (-1, animation("GIF")[13 + 3 * 4 :], 4),  # everything after its palette
    ],
    ids=["whole", "no trailer", "garbage", "comment", "more frames"],
)
def test_the_frames_of_a_gif_are_all_found(cut: int | None, behind: bytes, count: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "GIF")[:cut] + behind
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == count

    grayscale(data, output="auto", quality=90, max_pixels=1600 * count)
    with pytest.raises(ImageTooLarge):
        grayscale(data, output="auto", quality=90, max_pixels=1600 * count - 1)
