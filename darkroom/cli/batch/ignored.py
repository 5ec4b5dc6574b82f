"""The files of a folder that are not images: what each of them is, and what to do about it."""

import mimetypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

RAW = "a camera's raw file"
SIDECAR = "a file about another file"
MAP = "data of a map"
VIDEO = "a video"
OTHER = "not an image"
BY_EXTENSION = {
    **dict.fromkeys(("3fr", "arw", "cr2", "cr3", "dng", "iiq", "nef", "nrw", "orf"), RAW),
    **dict.fromkeys(("pef", "raf", "raw", "rw2", "srw", "x3f"), RAW),
    **dict.fromkeys(("aae", "lrv", "ovr", "pp3", "prj", "tfw", "thm", "xmp"), SIDECAR),
    **dict.fromkeys(("asc", "dt2", "ecw", "grb", "h5", "hdf", "hgt", "img", "nc", "sid"), MAP),
    **dict.fromkeys(("dbf", "geojson", "gpkg", "kml", "kmz", "shp", "shx"), "shapes of a map"),
    **dict.fromkeys(("ani", "cur", "icns"), "an icon"),
    **dict.fromkeys(("3gp", "avi", "insv", "m4v", "mkv", "mp4", "mts", "webm"), VIDEO),
}
"""Kinds that have no media type, or another one on each system."""
BY_MEDIA_TYPE = {
    "video/": VIDEO,
    "audio/": "a sound",
    "font/": "a font",
    "text/html": "a web page",
    "text/": "a text",
    "application/javascript": "a text",
    "application/json": "a text",
    "application/xml": "a text",
    "application/pdf": "a PDF document",
    "application/postscript": "a PostScript document",
    "application/zip": "an archive",
    "application/x-tar": "an archive",
}
ADVICE = {
    RAW: "Convert it to TIFF or JPEG with a raw converter.",
    SIDECAR: "It belongs to the image beside it.",
    MAP: "Convert it to a GeoTIFF, for example with `gdal_translate`.",
    "an icon": "Convert it to PNG.",
    VIDEO: "Save one of its pictures. Of a live photo, the image is the file beside it.",
    "a web page": "Save its images as separate files.",
    "a PDF document": "Export its pages as PNG.",
    "a PostScript document": "Export its pages as PNG.",
    "an archive": "Unpack it, and give the folder with its images.",
    OTHER: "If it is one, convert it to JPEG or PNG.",
}
SHOWN = 3
"""Names of each kind that are printed; the report has all of them."""


@dataclass(frozen=True)
class Ignored:
    """A file that is not an image, neither by its extension nor by its first bytes."""

    label: str
    """Its path in the folder."""

    @property
    def kind(self) -> str:
        """What it is by its extension, such as `a video`."""
        extension = PurePath(self.label).suffix[1:].lower()
        media_type = mimetypes.guess_type(f"a.{extension}", strict=False)[0] or ""
        found = (kind for start, kind in BY_MEDIA_TYPE.items() if media_type.startswith(start))
        return BY_EXTENSION.get(extension) or next(found, OTHER)

    @property
    def problem(self) -> tuple[str, str]:
        """The name of the error, and a message that says what to do."""
        by = "by its extension and its first bytes"
        if self.kind != OTHER:
            by = "by its extension, and its first bytes are not those of an image"
        what = f"{self.label} is {self.kind}, {by}."
        return "NotAnImage", f"{what} {ADVICE.get(self.kind, '')}".rstrip()


def summary(ignored: Sequence[Ignored]) -> Iterator[str]:
    """Yield the lines that name what was ignored, one for each kind; none if nothing was."""
    if not ignored:
        return
    yield f"Files ignored because they are not images: {len(ignored)}."
    by_kind = defaultdict(list)
    for one in ignored:
        by_kind[one.kind].append(one.label)
    for kind, labels in sorted(by_kind.items()):
        more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
        yield f"  {kind}: {', '.join(labels[:SHOWN])}{more}"
