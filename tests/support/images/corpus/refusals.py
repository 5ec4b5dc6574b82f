"""Which files of the corpus Darkroom refuses, and why: one row for each kind of file.

A kind is a set of labels. A case is of this kind if it has all of them. Each row says what its
message contains.
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


REFUSALS = [
    *_rows(
        "nothing but tifffile writes it",
        ("tiff, jpeg2000", "the compression JPEG 2000"),
        ("tiff, png", "the compression PNG"),
        ("tiff, jpegxl", "the compression JPEG XL"),
    ),
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
