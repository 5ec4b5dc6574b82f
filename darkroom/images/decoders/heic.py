"""HEIC: libheif and libde265 decode it, by the package pi-heif, which has no encoder.

HEVC is patented, so the operator decides whether the layer has this decoder: the template's
parameter `Heic`. libheif applies `clap`, `irot` and `imir` and adds the alpha channel. The Exif
orientation does not count (ISO/IEC 23008-12, A.3 and MIAF, ISO/IEC 23000-22).
"""

import re
import struct
from typing import Any

from PIL import Image

from darkroom.errors import InvalidImage, UnsupportedFormat
from darkroom.images import boxes, kinds, repairs
from darkroom.images.conversion import ORIENTATION
from darkroom.images.decoders.picture import Picture
from darkroom.images.jpeg import exif_tags

OUT_OF_MEMORY, SECURITY = "Memory allocation error", "Security limit exceeded"
FOREIGN = re.compile(f"nsupported|not been built in|invalid image index|{SECURITY}")
"""What libheif says of a picture in another compression (AV1, VVC, JPEG, none), or of one that is
larger than the file says."""
LAYERED = b"lhvC"
"""The property of a picture in layers (L-HEVC, ISO/IEC 23008-12), which libde265 does not read."""
DECODING = {"L": 12, "I;16": 12, "RGB": 16, "RGBA": 22}
"""Bytes of memory per pixel, for each mode: measured without subsampled chroma, and rounded up."""
BASE = 8 * 2**20


def begins(data: Any) -> bool:
    """Whether a file begins like a HEIC."""
    return bool(re.match(kinds.HEIC, bytes(data[:128]), re.DOTALL))


def refused() -> UnsupportedFormat:
    """Return the error for a HEIC in a deployment that does not decode it."""
    return UnsupportedFormat(
        "The source is a HEIC image, which this deployment of Darkroom does not read. Convert it "
        "to JPEG, or ask the operator to deploy with the parameter Heic=true."
    )


def opened(data: Any) -> Picture:
    """Return the primary picture of a HEIC, which is not decoded yet.

    Raises:
        UnsupportedFormat: the decoder is not installed, the file holds no still picture in HEVC, or
            it is cropped between pixels.
        InvalidImage: the header is broken.
    """
    try:
        import pi_heif
        from pi_heif import options
    except ImportError as error:
        raise refused() from error
    # Only the primary picture is read, in the only thread of a function.
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    options.DECODE_THREADS = 1
    try:
        file = pi_heif.open_heif(bytes(data))
        picture = file[file.primary_index]
    except Exception as error:
        if boxes.find(data, b"moov") and not boxes.find(data, b"meta"):
            raise UnsupportedFormat(
                "The source is a HEIC sequence without a still picture, which Darkroom does not "
                "read. Export one of its pictures as JPEG."
            ) from error
        raise _error(error, data) from error
    if size := dict(boxes.primary_properties(data)).get(b"ispe"):
        repairs.aperture(data, struct.unpack_from(">2I", size, 4))
    exif = exif_tags(picture.info.get("exif") or b"")
    exif.pop(ORIENTATION, None)
    mode = picture.mode.replace("a", "A").replace("L;16", "I;16")
    return Picture(
        "HEIC",
        mode,
        picture.size,
        lambda: _decode(picture, data),
        decoding=DECODING[mode],
        base=BASE,
        info=_info(picture),
        exif=exif,
    )


def _error(error: Exception, data: Any) -> Exception:
    """Return the documented error for a message of libheif about a file."""
    said = str(error)
    if isinstance(error, MemoryError) or (OUT_OF_MEMORY in said and SECURITY not in said):
        return MemoryError(said)
    properties = boxes.find(data, b"meta", b"iprp", b"ipco")
    layered = properties and data.find(LAYERED, properties.start, properties.end) > 0
    if layered or FOREIGN.search(said):
        return UnsupportedFormat(
            "The source is a HEIF image without a picture in HEVC, or with features that its "
            "decoder does not support, which Darkroom does not read. Convert it to JPEG."
        )
    return InvalidImage(
        "The image cannot be decoded: its data are broken, or a part of the file is missing. Copy "
        "it again from where it came from."
    )


def _decode(picture: Any, data: Any) -> Image.Image:
    try:
        picture.load()
    except Exception as error:
        raise _error(error, data) from error
    mode = picture.mode
    raw = mode.replace("L;16", "I;16")
    image = Image.frombytes(raw, picture.size, picture.data, "raw", raw, picture.stride)
    return image.convert(mode.replace("a", "A")) if "a" in mode else image


def _info(picture: Any) -> dict[str, Any]:
    kept = ("icc_profile", "nclx_profile", "bit_depth", "exif", "xmp")
    return {key: picture.info[key] for key in kept if picture.info.get(key)}
