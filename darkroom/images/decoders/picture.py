"""A picture that another library than Pillow decodes, in the form of an opened Pillow image."""

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from darkroom.errors import UnsupportedFormat


class Picture(Image.Image):
    """An image that is opened but not decoded: `load` decodes it, and everything else loads it.

    `decoding` is the memory that decoding needs, in bytes per pixel, with what is returned.
    `base` is the memory that it needs besides, in bytes.
    """

    def __init__(
        self,
        kind: str,
        mode: str,
        size: tuple[int, int],
        decode: Callable[[], Image.Image],
        *,
        decoding: float,
        base: int = 0,
        info: Mapping[str, Any] | None = None,
        exif: Mapping[int, Any] | None = None,
    ) -> None:
        """Describe the picture.

        Args:
            kind: the format of the file, as Pillow names it.
            mode: the mode of what `decode` returns.
            size: width and height in pixels.
            decode: returns the picture: in gray and upright, or in colour.
            decoding: bytes of memory per pixel.
            base: further bytes of memory.
            info: what Pillow has in `Image.info`.
            exif: tags of the main directory that describe the picture.
        """
        super().__init__()
        self.format = kind
        self.decoding, self.base = decoding, base
        self._mode, self._size, self._decode = mode, size, decode
        self.info.update(info or {})
        self._own_exif = Image.Exif()
        self._own_exif.update(exif or {})

    def getexif(self) -> Image.Exif:
        """Return the Exif data."""
        return self._own_exif

    def load(self) -> Any:
        """Decode the picture, if that has not been done."""
        if self._im is None:
            try:
                decoded = self._decode()
            except NotImplementedError as error:
                name = str(self.format).replace("JPEG2000", "JPEG 2000")
                raise UnsupportedFormat(
                    f"The source is a {name} of a rare kind ({error}), which Darkroom does not "
                    "read. Convert it to PNG, or to a TIFF of RGB or gray, with a program that "
                    "shows it."
                ) from error
            except ImportError as error:
                raise UnsupportedFormat(
                    f"This {self.format} needs a decoder that is not installed: {error}."
                ) from error
            self.im, self._mode, self._size = decoded.im, decoded.mode, decoded.size
        return super().load()
