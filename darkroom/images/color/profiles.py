"""Apply a profile of gray (ICC.1:2022) with Little CMS, which is in Pillow.

It runs without its optimization: that one replaces a curve by 33 points, which are wrong by up to
10 levels of 8 bits near black. A profile that is broken, not one of gray, or of which the curve is
not that of any device, is not usable.
"""

import io
import itertools
import struct
from typing import Any

from PIL import Image

MOST_PROFILE = 2**20
"""Bytes of a profile that is read. Profiles of gray have a few hundred, or some thousand."""
CLASSES = {b"scnr", b"mntr", b"prtr", b"spac"}
"""The classes of profiles for devices and color spaces (ICC.1:2022, 7.2.5)."""
DARK, BRIGHT = 64, 192
"""The largest black and the smallest white, of 256 values, that a device can have."""
MOST_VALUES = 2**16
RELATIVE, NO_OPTIMIZATION = 1, 0x100  # lcms2.h: INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_NOOPTIMIZE


def is_usable(profile: bytes) -> bool:
    """Whether this is a profile of gray that can be read, with a plausible curve.

    Its black is dark, its white bright, and nothing falls.
    """
    is_gray = (
        len(profile) <= MOST_PROFILE
        and profile[36:40] == b"acsp"
        and profile[16:20] == b"GRAY"
        and profile[12:16] in CLASSES
    )
    if not is_gray:
        return False
    try:
        found = table(profile, 256)
    except Exception:  # noqa: BLE001 - whatever is wrong with a profile, the picture is not
        return False
    rises = all(low <= high for low, high in itertools.pairwise(found))
    return rises and found[0] < DARK and found[-1] > BRIGHT


def table(profile: bytes, values: int) -> list[int]:
    """Return the value of sRGB for each of 256 or 65,536 values.

    Raises:
        PyCMSError: Little CMS cannot read the profile.
    """
    from PIL import ImageCms  # noqa: PLC0415 - few files need it

    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.ImageCmsProfile(io.BytesIO(_srgb_gray())),
        "I;16",
        "I;16",
        ImageCms.Intent(RELATIVE),
        ImageCms.Flags(NO_OPTIMIZATION),
    )
    step = (MOST_VALUES - 1) // (values - 1)
    ramp = struct.pack(f"<{values}H", *range(0, MOST_VALUES, step))
    done: Any = ImageCms.applyTransform(Image.frombytes("I;16", (values, 1), ramp), transform)
    found = struct.unpack(f"<{values}H", done.tobytes())
    return [(value + step // 2) // step for value in found]


def _srgb_gray() -> bytes:
    """Return a profile of gray with the curve of sRGB (ICC.1:2022, 7, 10.18 and 10.31)."""
    white = _fixed(0.9642, 1, 0.8249)  # D50
    srgb = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"kTRC": b"para\0\0\0\0\0\3\0\0" + _fixed(*srgb),
    }
    index, content, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        index += struct.pack(">4sII", name, at + len(content), len(tag))
        content += tag
    size = at + len(content)
    head = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return (head + white).ljust(128, b"\0") + index + content


def _fixed(*values: float) -> bytes:
    """Return numbers as s15Fixed16Number (ICC.1:2022, 4.6)."""
    return struct.pack(f">{len(values)}i", *(round(value * MOST_VALUES) for value in values))
