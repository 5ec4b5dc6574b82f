"""Compose the frames of an animated PNG (PNG specification, third edition, sections 12 and 13).

Pillow also composes them, but it uses the default image as a frame, mixes transparent pixels
wrongly, and clears to black where a picture has no alpha.
"""

from typing import Any

from PIL import Image
from PIL.PngImagePlugin import Blend, Disposal

Area = tuple[int, int, int, int]


class Canvas:
    """What an animation shows: `part` and then `show` are called for each frame, in order."""

    def __init__(self, size: tuple[int, int]) -> None:
        """Begin with a canvas of a width and a height that is transparent everywhere."""
        self._whole: Area = (0, 0, *size)
        self._below: Image.Image | None = None
        self._area, self._disposal, self._blend = self._whole, Disposal.OP_NONE, Blend.OP_SOURCE

    def part(self, frame: Any) -> Image.Image:
        """Return the pixels of the frame that Pillow has sought: the canvas, or a part of it."""
        if frame.tell() == 0 and frame.info.get("default_image"):
            # It is not a frame, and nothing of it is left.
            self._area, self._disposal = self._whole, Disposal.OP_BACKGROUND
            self._blend = Blend.OP_SOURCE
        else:
            self._area, self._blend = frame.info["bbox"], frame.info["blend"]
            self._disposal = frame.info["disposal"]
        frame.dispose_op, frame.blend_op = Disposal.OP_NONE, Blend.OP_SOURCE
        frame.load()
        part: Image.Image = frame.crop(self._area)
        return part

    def show(self, part: Image.Image) -> Image.Image:
        """Return the canvas with the part on it, and clear it for the next part.

        Args:
            part: what `part` returned, in gray: mode `L`, or `LA` if it has transparency.
        """
        below = self._below
        shown = self._composed(part)
        if self._disposal == Disposal.OP_NONE:
            self._below = shown
        elif self._disposal == Disposal.OP_BACKGROUND and below is not None:
            cleared = shown.convert("LA")
            cleared.paste(Image.new("LA", part.size), self._area)
            self._below = cleared
        elif self._disposal == Disposal.OP_BACKGROUND:
            self._below = None
        return shown

    def _composed(self, part: Image.Image) -> Image.Image:
        is_opaque = part.mode == "L"
        if self._area == self._whole and (is_opaque or self._blend == Blend.OP_SOURCE):
            return part
        below = self._below or Image.new("LA", self._whole[2:])
        if below.mode != part.mode:
            below, part = below.convert("LA"), part.convert("LA")
        shown = below.copy()
        if self._blend == Blend.OP_OVER and not is_opaque:
            part = Image.alpha_composite(below.crop(self._area), part)
        shown.paste(part, self._area)
        return shown
