"""What is refused before anything is decoded: images that cost too much, or have no place to go."""

from typing import Any

from PIL import Image

from darkroom.errors import ImageTooLarge
from darkroom.images import memory as footprint
from darkroom.images.formats import ANIMATED, MAX_SIDE, identify

MAX_FRAMES = 10_000
"""A frame takes a quarter of a millisecond, however small it is: this many take seconds."""
MAX_SCANS = 100
"""Of a progressive JPEG; encoders write about ten. Each goes over the whole image once more."""


def check(
    image: Image.Image, target: str, file_size: int, *, max_pixels: int, max_memory: int | None
) -> int:
    """Return how many frames of an image, opened and not loaded, the result will have.

    Args:
        image: what Pillow made of the header.
        target: format of the result.
        file_size: bytes of the source.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may take, by the estimate of `footprint`; None for any number.

    Raises:
        ImageTooLarge: a limit is exceeded.
    """
    kind = identify(image)
    frames = _frames(image, kind)
    check_pixels(image, frames, max_pixels)
    kept = frames if target in ANIMATED else 1
    _check_effort(image, target, kept)
    memory = footprint.needed(image, target, kept, file_size)
    if max_memory is not None and memory > max_memory:
        raise ImageTooLarge(
            f"The image, {_size(image)}, {kept} frames, could need {memory} bytes of memory as "
            f"{kind} to {target}; there are {max_memory}."
        )
    return kept


def _frames(image: Any, kind: str) -> int:
    # What else is in a JPEG or a TIFF is another picture, not the next frame.
    if kind in {"JPEG", "TIFF"} or (kind == "GIF" and _ends_after_a_frame(image)):
        return 1
    return int(getattr(image, "n_frames", 1))


def _ends_after_a_frame(gif: Any) -> bool:
    """Say whether a GIF has no more than its first frame; False where it is not that simple.

    Pillow would look for the next one block by block, for 3 % of the time that all the rest takes.
    A frame is blocks of up to 255 bytes, each after its length, up to one of length 0; behind the
    last one is a semicolon (GIF89a, sections 15 and 27).
    """
    before = gif.fp.tell()
    gif.fp.seek(gif.tile[0].offset)
    data = gif.fp.read()
    gif.fp.seek(before)
    at = 0
    try:
        while length := data[at]:
            at += length + 1
    except IndexError:
        return False
    return data[at + 1 : at + 2] in {b";", b""}


def check_pixels(image: Image.Image, frames: int, max_pixels: int) -> None:
    """Raise ImageTooLarge if all frames of this size have more pixels than may be."""
    pixels = image.width * image.height * frames
    if pixels > max_pixels:
        raise ImageTooLarge(
            f"The image has {pixels} pixels ({_size(image)}, {frames} frames); "
            f"the limit is {max_pixels}."
        )


def _check_effort(image: Any, target: str, frames: int) -> None:
    """Refuse what would take for ever, or could not be written in the end."""
    side = max(image.size)
    if side > MAX_SIDE.get(target, side):
        raise ImageTooLarge(
            f"The image is {_size(image)}; as {target} a side can have {MAX_SIDE[target]} pixels."
        )
    if frames > MAX_FRAMES:
        raise ImageTooLarge(f"The image has {frames} frames; the limit is {MAX_FRAMES}.")
    if identify(image) == "JPEG" and footprint.scans(image.fp, MAX_SCANS + 1) > MAX_SCANS:
        raise ImageTooLarge(f"The image comes in more than {MAX_SCANS} scans.")


def _size(image: Image.Image) -> str:
    return f"{image.width} x {image.height}"
