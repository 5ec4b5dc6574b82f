"""Refuse images, before they are decoded, that need too much or do not fit the result's format."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

from darkroom.errors import ImageTooLarge
from darkroom.images import jpeg, memory
from darkroom.images.decoders.picture import Picture
from darkroom.images.formats import ANIMATED, MAX_SIDE, identify

MAX_FRAMES = 10_000
"""Even the smallest frame takes a quarter of a millisecond, so this many take seconds."""
MAX_SCANS = 100
"""Scans of a progressive JPEG; encoders write about ten. Each one updates the whole image."""

_one_at_a_time = threading.Lock()


@contextmanager
def of_pillow(max_pixels: int) -> Iterator[None]:
    """Make Pillow accept everything that our own limit allows, without warnings.

    Both settings apply to the whole process, so other threads wait. Lambda has none.
    """
    with _one_at_a_time, warnings.catch_warnings(action="ignore"):
        before = Image.MAX_IMAGE_PIXELS
        # At least Pillow's own limit: it also counts pixels outside the image, such as of tiles.
        Image.MAX_IMAGE_PIXELS = max(before or 0, max_pixels)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def check(
    image: Image.Image, target: str, file_size: int, *, max_pixels: int, max_memory: int | None
) -> int:
    """Return the number of frames of the result. The image is opened but not loaded.

    Args:
        image: as Pillow opened it from its header.
        target: format of the result.
        file_size: bytes of the source.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may need, by the estimate of `images.memory`; None: no limit.

    Raises:
        ImageTooLarge: a limit is exceeded.
    """
    kind = identify(image)
    frames = _frames(image, kind)
    check_pixels(image, frames, max_pixels)
    kept = frames if target in ANIMATED else 1
    _check_effort(image, target, kept)
    needed = memory.needed(image, target, kept, file_size)
    if max_memory is not None and needed > max_memory:
        raise ImageTooLarge(
            f"The image, {_size(image)}, {kept} frames, could need {needed} bytes of memory as "
            f"{kind} to {target}; the limit is {max_memory}."
        )
    return kept


def _frames(image: Any, kind: str) -> int:
    # Further pictures of a JPEG or a TIFF are not frames of an animation.
    if kind in {"JPEG", "TIFF"} or (kind == "GIF" and _ends_after_a_frame(image)):
        return 1
    return int(getattr(image, "n_frames", 1))


def _ends_after_a_frame(gif: Any) -> bool:
    """Whether a GIF certainly has only one frame; False if this quick check is not certain.

    Pillow would search the file for a second frame block by block, which costs 3 % of the time of
    everything else. A frame is a list of blocks, each of up to 255 bytes after its length; a block
    of length 0 ends it. A semicolon ends the file (GIF89a, sections 15 and 27).
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
    """Raise ImageTooLarge if all frames together, in this size, have more pixels than allowed."""
    pixels = image.width * image.height * frames
    if pixels > max_pixels:
        raise ImageTooLarge(
            f"The image has {pixels} pixels ({_size(image)}, {frames} frames); "
            f"the limit is {max_pixels}. Make it smaller, or split it."
        )


def _check_effort(image: Any, target: str, frames: int) -> None:
    """Refuse an image that would take too long, or that the result's format cannot hold."""
    side = max(image.size)
    if side > MAX_SIDE.get(target, side):
        raise ImageTooLarge(
            f"The image is {_size(image)}; as {target} a side can have at most "
            f"{MAX_SIDE[target]} pixels."
        )
    if frames > MAX_FRAMES:
        raise ImageTooLarge(f"The image has {frames} frames; the limit is {MAX_FRAMES}.")
    by_pillow = not isinstance(image, Picture)  # else its decoder has counted them
    is_jpeg = identify(image) == "JPEG"
    if is_jpeg and by_pillow and jpeg.scans(image.fp, MAX_SCANS + 1) > MAX_SCANS:
        raise ImageTooLarge(f"The image has more than {MAX_SCANS} scans.")


def _size(image: Image.Image) -> str:
    return f"{image.width} x {image.height}"
