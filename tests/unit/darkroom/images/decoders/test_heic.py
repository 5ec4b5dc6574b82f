"""HEIC: by default refused by its name; with the parameter, converted as phones show it."""

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.decoders import heic as decoder
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.heics import box, clap, deep_heic, grid, heic
from tests.support.images.light import hlg, pq
from tests.support.images.pictures import encode, photo, pixels, read
from tests.support.images.profiles import power, profile, srgb

LUMA = np.array([0.299, 0.587, 0.114])
CARD = photo(128, 128)
GRAY = pixels(CARD) @ LUMA


def develop(data: bytes, output: str = "png", **limits: Any) -> Gray:
    limits = {"max_pixels": 100_000, "heic": True, **limits}
    return grayscale(data, output=output, quality=95, **limits)


def test_heic_is_refused_by_its_name_and_the_message_names_the_parameter() -> None:
    with pytest.raises(UnsupportedFormat, match=r"a HEIC image, .*parameter Heic"):
        develop(heic(CARD), heic=False)


@pytest.mark.parametrize(("heic", "last"), [(True, "JPEG 2000, HEIC"), (False, "JPEG 2000")])
def test_the_accepted_formats_of_a_refusal_are_those_of_the_deployment(
    heic: bool, last: str
) -> None:
    for data in (b"%PDF-1.7", b"not an image"):
        with pytest.raises(UnsupportedFormat, match=rf"JPEG, PNG, .*{last}(\.|\)\.)$"):
            develop(data, heic=heic)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_colour_alpha_and_gray_are_read(mode: str) -> None:
    image = CARD.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(np.tile(np.arange(128, 256, dtype=np.uint8), (128, 1))))

    result = pixels(read(develop(heic(image)))).reshape(128, 128, -1)

    assert np.abs(result[..., 0] - GRAY).max() <= 1.5
    if mode == "RGBA":
        assert np.abs(result[..., 1] - np.arange(128, 256)).max() <= 1


@pytest.mark.parametrize("turn", range(1, 9))
def test_irot_and_imir_are_applied_and_exif_is_not(turn: int) -> None:
    exif = Image.Exif()
    exif[274] = turn

    result = pixels(read(develop(heic(CARD, exif=exif.tobytes()))))  # which writes both boxes

    right = {1: GRAY, 2: GRAY[:, ::-1], 3: np.rot90(GRAY, 2), 4: GRAY[::-1], 5: GRAY.T,
             6: np.rot90(GRAY, -1), 7: np.rot90(GRAY.T, 2), 8: np.rot90(GRAY)}[turn]  # fmt: skip
    assert np.abs(result - right).max() <= 1.5


def test_exif_alone_turns_nothing() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = heic(CARD, exif=exif.tobytes()).replace(b"irot", b"free")

    assert np.abs(pixels(read(develop(data))) - GRAY).max() <= 1.5


def test_tiles_in_a_grid_are_one_picture() -> None:
    assert np.abs(pixels(read(develop(grid(CARD, 2, 2)))) - GRAY).max() <= 1.5


def test_a_clean_aperture_crops_before_the_picture_is_turned() -> None:
    crop = clap(100, 60, (0, 1), (4, 1))

    result = pixels(read(develop(grid(CARD, 2, 2, crop, box(b"irot", b"\1")))))

    assert np.abs(result - np.rot90(GRAY[38:98, 14:114])).max() <= 1.5


@pytest.mark.parametrize(
    "area", [(101, 60, (0, 1), (0, 1)), (100, 60, (1, 2), (0, 1)), (100, 60, (40, 1), (0, 1))]
)
def test_a_clean_aperture_between_pixels_or_outside_is_refused(area: Any) -> None:
    with pytest.raises(UnsupportedFormat, match="clean aperture"):
        develop(grid(CARD, 2, 2, clap(*area)))


RAMP = np.tile(np.arange(256, dtype=np.uint8), (64, 1))


@pytest.mark.parametrize("exponent", [1, 461 / 256])
def test_a_profile_of_gray_is_applied(exponent: float) -> None:
    ramp = Image.fromarray(RAMP)
    ramp.info["icc_profile"] = profile(power(exponent))

    result = pixels(read(develop(heic(ramp))))

    assert np.abs(result - srgb((RAMP / 255) ** exponent) * 255).max() <= 1


@pytest.mark.parametrize(("transfer", "curve"), [(8, lambda light: light), (16, pq), (18, hlg)])
def test_values_of_light_become_those_of_srgb(transfer: int, curve: Any) -> None:
    light = np.tile(np.linspace(0.001, 1, 256), (64, 1))
    data = heic(Image.fromarray((curve(light) * 255).round().astype(np.uint8)))
    at = data.index(b"nclx") + 6  # the transfer characteristics (ISO/IEC 14496-12, 12.1.5)

    result = pixels(read(develop(data[:at] + struct.pack(">H", transfer) + data[at + 2 :])))

    # The steps of 8 bits are up to 5 levels in PQ: ADR 0048.
    assert np.abs(result - srgb(light) * 255).max() <= (7 if transfer == 8 else 4)


def test_ten_bits_of_gray_become_sixteen_and_of_colour_eight() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)

    gray = read(develop(deep_heic(ramp)))
    color = read(develop(deep_heic(np.dstack([ramp, ramp, ramp]))))

    assert (gray.mode, color.mode) == ("I;16", "L")
    assert np.abs(pixels(gray) - ramp).max() <= 65535 / 1023
    assert np.abs(pixels(color) - ramp / 257).max() <= 2


def test_the_primary_picture_of_several_is_taken() -> None:
    several = pillow_heif.from_pillow(Image.new("RGB", (64, 64)))
    several.add_from_pillow(CARD)
    several.primary_index = 1
    file = io.BytesIO()
    several.save(file, quality=-1, chroma=444, primary_index=1)

    assert np.abs(pixels(read(develop(file.getvalue()))) - GRAY).max() <= 1.5


def test_a_thumbnail_or_a_plane_of_alpha_is_not_taken_for_its_picture() -> None:
    several = pillow_heif.from_pillow(Image.new("RGB", (64, 64)))
    several.add_from_pillow(CARD)
    several[1].info["thumbnails"] = [64]
    file = io.BytesIO()
    several.save(file, quality=-1, chroma=444)
    see_through = CARD.copy()
    see_through.putalpha(200)
    third, second = (b"pitm" + struct.pack(">IH", 0, number) for number in (3, 2))
    first = b"pitm" + struct.pack(">IH", 0, 1)

    for data, primary in (
        (file.getvalue(), third),
        (heic(see_through), second),
        (encode(see_through, "AVIF", quality=100, subsampling="4:4:4"), second),
    ):
        assert first in data
        result = read(develop(data.replace(first, primary))).convert("LA")
        assert np.abs(pixels(result)[..., 0] - GRAY).max() <= 2


@pytest.mark.parametrize(
    ("mode", "output", "content_type"),
    [
        ("RGB", "auto", "image/jpeg"),
        ("L", "auto", "image/jpeg"),
        ("RGBA", "auto", "image/png"),
        ("RGB", "avif", "image/avif"),
        ("RGBA", "jpeg", "image/jpeg"),
    ],
)
def test_auto_is_a_jpeg_unless_that_would_lose_alpha(
    mode: str, output: str, content_type: str
) -> None:
    assert develop(heic(CARD.convert(mode)), output).content_type == content_type


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_never_taken_for_a_complete_one(share: float) -> None:
    data = heic(CARD)
    with pytest.raises(InvalidImage):
        develop(data[: int(len(data) * share)])


@pytest.mark.parametrize("limits", [{"max_pixels": 10**7}, {"max_memory": 10**8}])
def test_a_bomb_is_refused_before_it_is_decoded(limits: dict[str, int]) -> None:
    data = heic(CARD)
    size, huge = struct.pack(">II", 128, 128), struct.pack(">II", 16_000, 16_000)
    with pytest.raises(ImageTooLarge, match=r"256000000 pixels|of memory"):
        develop(data.replace(size, huge), **{"max_pixels": 10**9, **limits})


@pytest.mark.parametrize("kinds", [(b"av01", b"av1C"), (b"vvc1", b"vvcC"), (b"jpeg", b"free")])
def test_what_is_not_hevc_is_refused_by_name(kinds: tuple[bytes, bytes]) -> None:
    data = heic(CARD).replace(b"hvc1", kinds[0]).replace(b"hvcC", kinds[1])
    with pytest.raises(UnsupportedFormat, match="HEIF image without a picture in HEVC"):
        develop(data)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Memory allocation error: Unspecified", MemoryError),
        ("Memory allocation error: Security limit exceeded: Image size 9x9\n", UnsupportedFormat),
        ("Decoder plugin generated an error: Unspecified", InvalidImage),
    ],
)
def test_errors_of_the_decoder_become_documented_ones(said: str, kind: type) -> None:
    layered = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", box(b"lhvC", b""))))

    error = decoder._error(RuntimeError(said), b"")

    assert type(error) is kind
    assert kind is MemoryError or said not in str(error)
    if kind is InvalidImage:
        assert isinstance(decoder._error(RuntimeError(said), layered), UnsupportedFormat)


def test_a_sequence_without_a_still_picture_is_refused_by_name() -> None:
    data = box(b"ftyp", b"hevc\0\0\0\0hevcmsf1") + box(b"moov", bytes(20)) + box(b"mdat", bytes(9))
    with pytest.raises(UnsupportedFormat, match="sequence without a still picture"):
        develop(data)


@pytest.mark.parametrize("seed", range(20))
def test_a_broken_file_ends_in_a_documented_error(seed: int) -> None:
    chance = np.random.default_rng(seed)
    broken = np.frombuffer(heic(photo(64, 64)), np.uint8).copy()
    broken[chance.integers(24, len(broken), 6)] ^= (1 << chance.integers(0, 8, 6)).astype(np.uint8)
    try:
        develop(broken.tobytes(), max_memory=400 * 2**20)
    except DarkroomError:
        return
