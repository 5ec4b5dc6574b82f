"""Files that attack decoders. Made from a seed, or by hand."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image

from tests.support.fakes.sources import encoded, on_its_side, picture

SMALL = picture((48, 32))
FRAMES: dict[str, Any] = {
    "save_all": True,
    "append_images": [SMALL.rotate(90), SMALL.rotate(180)],
    "duration": 40,
}
RGBA = SMALL.copy()
RGBA.putalpha(120)

WHOLE = {
    "baseline.jpg": encoded(SMALL, "JPEG"),
    "progressive.jpg": encoded(SMALL, "JPEG", progressive=True),
    "cmyk.jpg": encoded(SMALL.convert("CMYK"), "JPEG"),
    "turned.jpg": on_its_side(SMALL),
    "colour.png": encoded(SMALL, "PNG"),
    "transparent.png": encoded(RGBA, "PNG"),
    "palette.png": encoded(SMALL.convert("P"), "PNG", transparency=3),
    "animated.png": encoded(SMALL, "PNG", **FRAMES),
    "lossy.webp": encoded(SMALL, "WEBP"),
    "lossless.webp": encoded(RGBA, "WEBP", lossless=True),
    "animated.webp": encoded(SMALL, "WEBP", **FRAMES),
    "still.gif": encoded(SMALL, "GIF"),
    "animated.gif": encoded(SMALL, "GIF", **FRAMES),
    "lzw.tif": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "jpeg.tif": encoded(SMALL, "TIFF", compression="jpeg"),
    "raw.tif": encoded(SMALL, "TIFF"),
    "colour.bmp": encoded(SMALL, "BMP"),
    "colour.avif": encoded(SMALL, "AVIF"),
    "transparent.avif": encoded(RGBA, "AVIF"),
}


def images(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Names and files; the same seed gives the same ones. Those made by hand come first."""
    by_hand = {**bombs(), **liars(), **polyglots()}
    yield from by_hand.items()
    chance = random.Random(seed)
    names = list(WHOLE)
    for index in range(count - len(by_hand)):
        name = names[index % len(names)]
        yield f"{index}-{name}", mutated(WHOLE[name], chance)


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """A file with bytes changed, left out, doubled or cut off. Its signature is usually kept."""
    file = bytearray(whole)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        end = min(len(file), chance.choice([64, 256, len(file)]))
        at = chance.randrange(min(chance.choice([0, 16, 16, 16]), end - 1), end)
        match chance.randrange(5):
            case 0:
                del file[at : at + chance.randint(1, 8)]
            case 1:
                file[at:at] = file[at : at + chance.randint(1, 64)]
            case 2:
                file[at : at + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            case _:
                file[at] = chance.randrange(256)
        file = file or bytearray(b"\0")
    if chance.random() < 0.25:
        del file[chance.randrange(len(file)) + 1 :]
    return bytes(file)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, bits: int = 1, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def gif(width: int, height: int, frames: int) -> bytes:
    """A GIF of frames of one pixel each, 23 bytes a frame."""
    control = b"\x21\xf9\x04\x00\x01\x00\x00\x00"
    shades = [
        control + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02" + code + b"\x01\x00"
        for code in (b"\x44", b"\x4c")
    ]
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"".join(shades) * (frames // 2) + b";"


def tiff(**tags: int) -> bytes:
    """A TIFF of numbers; `t256=1` is tag 256."""
    entries = sorted((int(name[1:]), value) for name, value in tags.items())
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


def bombs() -> dict[str, bytes]:
    """Small files that need much memory."""
    progressive = WHOLE["progressive.jpg"]
    scan = progressive[progressive.rfind(b"\xff\xda") : -2]
    text = b"Comment\0\0"
    return {
        "80 megapixels of nothing.png": png(9000, 9000, chunk(b"IDAT", zeros(1125 * 9000 + 9000))),
        "one line.png": png(90_000_000, 1, chunk(b"IDAT", zeros(11_250_001))),
        "one column.png": png(1, 90_000_000, chunk(b"IDAT", zeros(180_000_000))),
        "colours and alpha.png": png(
            9000, 9000, chunk(b"IDAT", zeros(9000 * 36001)), bits=8, colour=6
        ),
        "pixels without number.png": png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zeros(1000))),
        "text.png": png(1, 1, chunk(b"zTXt", text + zeros(200_000_000)), chunk(b"IDAT", zeros(2))),
        "texts.png": png(
            1, 1, chunk(b"zTXt", text + zeros(1_000_000)) * 500, chunk(b"IDAT", zeros(2))
        ),
        "itxt.png": png(
            1,
            1,
            chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros(200_000_000)),
            chunk(b"IDAT", zeros(2)),
        ),
        "profile.png": png(
            1, 1, chunk(b"iCCP", b"x\0\0" + zeros(200_000_000)), chunk(b"IDAT", zeros(2))
        ),
        "frames.png": png(
            1, 1, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), chunk(b"IDAT", zeros(2))
        ),
        "frames.gif": gif(1, 1, 60_000),
        "9,000 frames.gif": gif(1, 1, 9_000),
        "large screen.gif": gif(65_535, 65_535, 2),
        "large screen many times.gif": gif(9_000, 9_000, 1_000),
        "scans.jpg": progressive[:-2] + scan * 2000 + progressive[-2:],
        "tile.tif": tiff(t256=8, t257=8, t258=8, t259=8, t262=1, t322=60_000, t323=60_000, t324=8),
        "strip.tif": tiff(t256=50_000, t257=50_000, t258=8, t259=8, t262=1, t273=8, t279=2**32 - 1),
        "directories.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "samples.tif": tiff(t256=9000, t257=9000, t258=8, t262=1, t277=65_535, t273=8, t279=9),
        "run length.bmp": bmp(9_000, 9_000, 1, b"\0\2\xff\xff" * 50),
        "lines.bmp": bmp(50_000, 1_000, 1, b"\1\1\0\0" * 1_000),
    }


def bmp(width: int, height: int, compression: int, data: bytes) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 256, 0)
    head = b"BM" + struct.pack("<IHHI", 54 + 1024 + len(data), 0, 0, 54 + 1024)
    return head + info + bytes(1024) + data


def liars() -> dict[str, bytes]:
    """Headers that contradict the content."""
    jpeg, avif = WHOLE["baseline.jpg"], WHOLE["colour.avif"]
    size = struct.pack(">HH", SMALL.height, SMALL.width)
    ispe = struct.pack(">II", *SMALL.size)
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\x3f\0" * 2
    riff = b"WEBP" + canvas + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return {
        "large.jpg": jpeg.replace(size, b"\xff\xdc" * 2, 1),
        "100 megapixels.jpg": jpeg.replace(size, struct.pack(">HH", 10_000, 9_999), 1),
        "large.avif": avif.replace(ispe, struct.pack(">II", 10_000, 9_999)),
        "canvas.webp": b"RIFF" + struct.pack("<I", len(riff)) + riff,
        "exif.jpg": broken_exif(b"\xff" * 200),
        "exif in a circle.jpg": broken_exif(b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08"),
        "exif of gigabytes.jpg": broken_exif(
            b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\xff\xff\xff\xff\0\0\0\x08"
        ),
        "profile.jpg": encoded(SMALL, "JPEG", icc_profile=b"\xff" * 300),
        "profile.tif": encoded(SMALL, "TIFF", icc_profile=b"\0" * 300),
        "no pixels.png": png(0, 0, chunk(b"IDAT", zeros(1))),
        "no size.bmp": bmp(0, 0, 0, b""),
        "upside down.bmp": bmp(10, -(2**31), 0, b""),
        "end.jpg": b"\xff\xd8\xff\xd9",
        "start.jpg": b"\xff\xd8",
        "empty": b"",
        **{f"byte {byte}": bytes([byte]) for byte in (0, 0x42, 0x89, 0xFF)},
        "magic.png": b"\x89PNG\r\n\x1a\n",
        "magic.gif": b"GIF89a",
        "magic.webp": b"RIFF\xff\xff\xff\xffWEBP",
        "magic.tif": b"II*\0\xff\xff\xff\xff",
        "magic.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    }


def broken_exif(data: bytes) -> bytes:
    """A JPEG with this for its Exif block."""
    block = b"Exif\0\0" + data
    marker = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return WHOLE["baseline.jpg"][:2] + marker + WHOLE["baseline.jpg"][2:]


def polyglots() -> dict[str, bytes]:
    """Files of another kind, or an image with something else."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("zeros", bytes(5_000_000))
    html = b"<!doctype html><script>alert(1)</script>"
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\nshowpage\n"
    return {
        "zip.png": archive.getvalue(),
        "image and zip.jpg": WHOLE["baseline.jpg"] + archive.getvalue(),
        "html.jpg": html,
        "image and html.gif": WHOLE["still.gif"] + html,
        "script.gif": b"GIF89a/*" + WHOLE["still.gif"][8:] + b"*/=1;alert(1)",
        "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "entities.png": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>',
        "eps.png": eps,
        "layers.jpg": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 30_000, 30_000, 8, 3),
        "document.jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "icon.png": encoded(SMALL, "ICO"),
        "raw.jpg": b"P6 48 32 255\n" + bytes(48 * 32 * 3),
        "2000.jpg": encoded(SMALL, "JPEG2000"),
        "video.gif": b"\0\0\0\x18ftypmp42" + bytes(100),
        "program.png": b"\x7fELF" + bytes(100),
        "compressed.png": b"\x1f\x8b\x08\0" + bytes(20),
        "name.jpg": WHOLE["colour.png"],
    }


def heavy() -> Iterator[tuple[str, bytes, str]]:
    """Images of the largest allowed size, with the format of their result. None is broken."""
    large = Image.new("L", (10_000, 10_000), 90)
    yield "100 megapixels of JPEG", encoded(large, "JPEG"), "auto"
    yield "as PNG", encoded(large, "JPEG"), "png"
    yield "as WebP", encoded(large, "JPEG"), "webp"
    scans = encoded(large.convert("RGB"), "JPEG", progressive=True, subsampling=0)
    yield "progressive", scans, "auto"
    rgba = png(10_000, 10_000, chunk(b"IDAT", zeros(10_000 * 40_001)), bits=8, colour=6)
    yield "with alpha", rgba, "auto"
    yield "with alpha as WebP", rgba, "webp"
    deep = png(10_000, 10_000, chunk(b"IDAT", zeros(10_000 * 20_001)), bits=16, colour=0)
    yield "16 bits as JPEG", deep, "jpeg"
    canvas = Image.new("RGB", (7_000, 7_000), (9, 90, 30))
    yield "49 megapixels of WebP", encoded(canvas, "WEBP", method=0), "png"
    yield "frames", gif(1_000, 1_000, 100), "png"
