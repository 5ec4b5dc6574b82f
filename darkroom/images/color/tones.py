"""Convert values to those of sRGB, as the file defines them: gray profiles, gamma, PQ, HLG, linear.

Each kind becomes a table, from each value of the file to the value of sRGB with the same luminance.

A **gray profile** is applied by `color.profiles`.

The **gamma of a PNG** counts if the PNG is gray and nothing more exact is known (PNG, third
edition, 4.3: `cICP`, `iCCP` and `sRGB` come first). Near 1/2.2 it means sRGB (11.3.2.2 and
11.3.2.5), so it is applied only beyond 5 %, which is libpng's threshold (`PNG_GAMMA_THRESHOLD`).

**PQ and HLG** (ITU-R BT.2100) show diffuse white at 203 cd/m² (ITU-R BT.2408), which becomes white;
what is brighter becomes white as well. HLG is shown as on a display of 1,000 cd/m².
"""

import functools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image

from darkroom.images.color import cicp, profiles
from darkroom.images.formats import DEEP
from darkroom.images.parts import Data

Tone = Callable[[int], list[int]]
"""Returns a table with a value of sRGB for each of 256 or 65,536 values of the file."""

KEY = "tone"
"""The entry of an image's `info` with its `Tone`."""
GRAY = {"1", "L", "LA"}
BANDS = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3}
"""The bands of each mode that a table applies to. The other one is alpha."""
BYTE, WORD = 2**8, 2**16
"""The numbers of values of 8 and of 16 bits."""
TABLE_BYTES = 64 * WORD
"""Of a table of 65,536 numbers, with its copies."""

GAMMA, THRESHOLD = 1 / 2.2, 0.05
GAMMAS = (0.1, 10)
"""The values of a gamma that is believed."""
DIFFUSE_WHITE, PQ_PEAK, HLG_PEAK = 203, 10_000, 1_000  # cd/m²
NARROW = (16 / 255, 235 / 255)
"""Black and white in narrow range, as fractions of the largest value (ITU-R BT.2100, table 9)."""


def note(image: Any, data: Data) -> None:
    """Determine how the values of an opened image become those of sRGB, for `tone`."""
    found = _tone(image, cicp.encoding(data))
    # The frames of an animation share a table.
    image.info[KEY] = found and functools.cache(found)


def tone(image: Any) -> Tone | None:
    """Return how the values of an opened image become those of sRGB; None: they already are."""
    found: Tone | None = image.info.get(KEY)
    return found


def _tone(image: Any, said: cicp.Encoding) -> Tone | None:
    curve = CURVES.get(said.transfer)
    if not said.full_range:
        curve = _full_range(curve or (lambda value: value))
    if curve:
        return partial(_table, curve)
    if image.format == "PNG" and said.transfer is not None:
        return None  # the values of all other kinds are shown like those of sRGB
    is_gray = _is_gray(image) or _is_gray_as_rgba(image)
    if is_gray and image.mode != "P":
        profile = image.info.get("icc_profile") or b""  # Pillow sets None if a part is missing
        if profiles.is_usable(profile):
            return partial(profiles.table, profile)
    gamma = image.info.get("gamma", GAMMA) if image.format == "PNG" else GAMMA
    if "srgb" in image.info or abs(gamma / GAMMA - 1) <= THRESHOLD or not is_gray:
        return None
    if not GAMMAS[0] <= gamma <= GAMMAS[1]:
        return None
    return partial(_table, lambda value: encoded(value ** (1 / gamma)))


def applied(image: Image.Image, tone: Tone | None) -> Image.Image:
    """Return a loaded image of 8 bits with the values of sRGB. Its alpha stays."""
    if tone is None:
        return image
    if image.has_transparency_data:
        image = image.convert("LA" if _is_gray(image) else "RGBA")
    elif image.mode not in BANDS:
        image = image.convert("L" if _is_gray(image) else "RGB")
    table, alpha = tone(BYTE), list(range(BYTE)) if image.mode in {"LA", "RGBA"} else []
    return image.point(table * BANDS[image.mode] + alpha)


def bytes_per_pixel(image: Any) -> int:
    """Return the bytes of memory that `applied` needs for a pixel of an opened image of colours."""
    return 0 if _is_gray(image) or tone(image) is None else 8


def table_bytes(image: Any) -> int:
    """Return the bytes of memory that the table of an opened image needs, with Little CMS."""
    return TABLE_BYTES if image.mode in DEEP and tone(image) is not None else 0


def applied_deep(image: Image.Image, tone: Tone | None, key: int | None) -> Image.Image:
    """Return an image of mode `I;16` with the values of sRGB.

    Args:
        image: the image.
        tone: what makes the values.
        key: the value that means transparent, and keeps this meaning. No other gets equal to it.
    """
    if tone is None:
        return image
    table = tone(WORD)
    if key is not None:
        table = [value ^ (value == key) for value in table]
        table[key] = key
    whole = image.convert("I")  # the mode for which Pillow has tables of 65,536 values, of bytes
    low = whole.point([value & 0xFF for value in table], "L")
    high = whole.point([value >> 8 for value in table], "L")
    del whole
    return Image.frombytes("I;16", image.size, Image.merge("LA", (low, high)).tobytes())


def encoded(light: float) -> float:
    """Return the value of sRGB for a luminance; black is 0 and white 1 (IEC 61966-2-1)."""
    if light <= 0.0031308:  # noqa: PLR2004
        return 12.92 * max(light, 0)
    return float(1.055 * min(light, 1) ** (1 / 2.4) - 0.055)


def _pq(value: float) -> float:
    """Return sRGB for a value of the perceptual quantizer (ITU-R BT.2100, table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = value ** (1 / m2)
    light = (max(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return encoded(light * PQ_PEAK / DIFFUSE_WHITE)


def _hlg(value: float) -> float:
    """Return sRGB for a value of hybrid log-gamma (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = value**2 / 3 if value <= 1 / 2 else (math.exp((value - c) / a) + b) / 12
    return encoded(scene**1.2 * HLG_PEAK / DIFFUSE_WHITE)


CURVES: dict[int | None, Callable[[float], float]] = {
    cicp.LINEAR: encoded,
    cicp.PQ: _pq,
    cicp.HLG: _hlg,
}


def _full_range(curve: Callable[[float], float]) -> Callable[[float], float]:
    black, white = NARROW
    return lambda value: curve(min(max((value - black) / (white - black), 0), 1))


def _table(curve: Callable[[float], float], values: int) -> list[int]:
    most = values - 1
    return [round(curve(value / most) * most) for value in range(values)]


def _is_gray(image: Any) -> bool:
    """Whether an image is gray. A palette with only gray colours counts."""
    if image.mode != "P":
        return image.mode in GRAY | DEEP
    # Not `getpalette`, which loads the picture, also before its size was checked.
    layout, colors = image.palette.getdata()
    step = len(layout)
    return bool(colors[::step] == colors[1::step] == colors[2::step])


def _is_gray_as_rgba(image: Any) -> bool:
    """Whether Pillow opens gray and alpha as colours: it has no mode for 16 bits of both."""
    layout = image.tile[0].args if image.format == "PNG" and image.tile else None
    return layout == "LA;16B"
