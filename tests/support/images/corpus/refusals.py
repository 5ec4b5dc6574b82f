"""What Darkroom does not develop of the corpus, and why: one row for each kind of file.

A kind is a set of labels, which a case has all of. Each row says what its message contains.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.images.corpus.cases import Case


@dataclass(frozen=True)
class Refusal:
    """A kind of file that is refused.

    Attributes:
        labels: what the file has.
        message: what the message of UnsupportedFormat contains: the name of the kind.
        reason: why it is refused.
    """

    labels: frozenset[str]
    message: str
    reason: str

    def covers(self, case: Case) -> bool:
        """Whether a case is of this kind."""
        return self.labels <= set(case.labels)


def _rows(reason: str, *rows: tuple[str, str]) -> Iterable[Refusal]:
    for labels, message in rows:
        yield Refusal(frozenset(labels.split(", ")), message, reason)


WITHOUT_A_SECOND_DECODER = [
    *_rows(
        "Pillow cannot read it",
        ("BigTIFF, big-endian", "big-endian BigTIFF"),
        ("half floats", "16-bit floating-point numbers"),
        ("doubles", "64-bit floating-point numbers"),
        ("64 bits", "64-bit integers"),
        ("signed 64 bits", "64-bit signed integers"),
        ("RGB, floats", "in 32-bit floating-point numbers"),
        ("CMYK, floats", "CMYK in 32-bit floating-point numbers"),
        ("RGB, 1 bits", "RGB in 1-bit integers"),
        ("RGB, 2 bits", "RGB in 2-bit integers"),
        ("RGB, 4 bits", "RGB in 4-bit integers"),
        ("RGB, 12 bits", "RGB in 12-bit integers"),
        ("RGB, 32 bits", "RGB in 32-bit integers"),
        ("RGB, signed 8 bits", "8-bit signed integers"),
        ("RGB, signed 16 bits", "16-bit signed integers"),
        ("RGB, signed 32 bits", "32-bit signed integers"),
        ("signed 8 bits, miniswhite", "8-bit signed integers"),
        ("signed 16 bits, miniswhite", "16-bit signed integers"),
        ("signed 32 bits, miniswhite", "32-bit signed integers"),
        ("gray, 16 bits, miniswhite, big-endian", "gray in 16-bit integers"),
        ("gray, 32 bits, miniswhite", "gray in 32-bit integers"),
        ("gray, 32 bits, big-endian", "gray in 32-bit integers"),
        ("gray, 16 bits, associated alpha, interleaved", "gray with more samples in 16-bit"),
        ("gray, 16 bits, alpha, interleaved", "gray with more samples in 16-bit"),
        ("gray, 16 bits, unspecified, interleaved", "gray with more samples in 16-bit"),
        ("CMYK, associated alpha", "CMYK with more samples"),
        ("CMYK, alpha", "CMYK with more samples"),
        ("CMYK, 16 bits, unspecified, interleaved", "CMYK with more samples in 16-bit"),
        ("6 bits", "6-bit integers"),
        ("tiff, 10 bits", "10-bit integers"),
        ("14 bits", "14-bit integers"),
        ("12 bits, miniswhite", "12-bit integers"),
        ("12 bits, big-endian", "12-bit integers"),
        ("12 bits, fill order 2", "12-bit integers"),
        ("jpeg, 12 bits", "JPEG with 12 bits a sample"),
        ("lossless 16 bits", "JPEG with 16 bits a sample"),
        ("lerc", "the compression LERC"),
        ("JPEG 2000", "JPEG 2000"),
        ("4-4-4", "unusual bit field layout"),
        ("4-4-4-4", "a BMP with an unusual"),
        ("8-8-8 blue first", "unusual bit field layout"),
    ),
    *_rows(
        "Pillow reads it wrongly, if at all",
        ("16 bits, raw, planes", "16"),
        ("gray, alpha, planes", "samples"),
        ("gray, associated alpha, planes", "samples"),
        ("8 bits, associated alpha, raw, planes", "separate planes"),
        ("8 bits, unspecified, raw, planes", "with more samples in 8-bit"),
        ("RGB, 16 bits, tRNS", "a transparent colour of 16 bits"),
    ),
]
REFUSALS = [
    *WITHOUT_A_SECOND_DECODER,
    *_rows(
        "nothing but tifffile writes it",
        ("tiff, jpeg2000", "the compression JPEG 2000"),
        ("tiff, png", "the compression PNG"),
        ("tiff, jpegxl", "the compression JPEG XL"),
    ),
    *_rows("libtiff is built without WebP", ("tiff, webp", "the compression WebP")),
    *_rows(
        "10 bits of a colour do not fit into the 8 of a BMP's decoder",
        ("10-10-10", "unusual bit field layout"),
        ("10-10-10-2", "a BMP with an unusual"),
    ),
    *_rows(
        "only Windows CE wrote this compression: ALPHABITFIELDS",
        ("4-4-4-4, header 40", "unusual compression (6)"),
        ("5-5-5-1, header 40", "unusual compression (6)"),
        ("8-8-8-8, header 40", "unusual compression (6)"),
        ("8-8-8-8 blue first, header 40", "unusual compression (6)"),
        ("8-8-8-8 alpha low, header 40", "unusual compression (6)"),
    ),
]
KNOWN_FAULTS = [
    {"bmp", "5-5-5-1"},  # Pillow drops the alpha
    {"gif", "animation"},  # Pillow does not clear to transparent
]
"""Kinds of which some are developed wrongly until the branches decoder and tone are merged."""
