"""The file name under which a result is downloaded, and the header that says so.

The name is that of the task, else the last part of the URL of its source, else its id: with the
extension of the result instead of that of the source. Both come from the caller, or from whom it
has its URLs. So what a file system or a terminal could misunderstand is removed or replaced.
"""

import re
import unicodedata
import urllib.parse
from collections.abc import Mapping
from typing import Any

RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE
)
"""Names of devices on Windows, with any extension.

https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
"""
FORBIDDEN = re.compile(r'[<>:"|?*]+')
"""Characters that no file name has on Windows; the separators of a path are dealt with before."""
EXTENSION = re.compile(
    r"\.(jpe?g|jpe|jfif|a?png|webp|tiff?|gif|bmp|dib|avifs?|hei[cf]s?|hif|jp2|j2k|j2c|jpf|jpx|jpc)",
    re.IGNORECASE,
)
"""The extension of a source. Any other ending is a part of the name: `Report v1.2`."""
JOINERS = "\u200c\u200d"
"""Invisible characters that words of Persian and many emoji need."""
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of control characters, of marks that turn the direction of text, and such.

The marks make `gnp.exe` look like `exe.png` (https://www.unicode.org/reports/tr36/, 2.4)."""
LONGEST = 180
"""Bytes of UTF-8 of a name without its extension; most file systems allow 255 with it."""
PLAIN = "!#$&+-.^_`|~"
"""What RFC 8187, 3.2.1, leaves as it is, beside letters and digits."""


def result_name(item: Mapping[str, Any], extension: str) -> str:
    """Return the file name of a result: `My holiday.jpg`.

    Args:
        item: of a task, with `taskId` and `source`, and maybe `name`.
        extension: of the result, without a dot.
    """
    source = item["source"]
    wanted = [item.get("name") or "", _last_of_url(source.get("imageUrl", ""))]
    stored = source.get("object", "")
    if not stored.startswith("uploads/"):  # the key of an upload ends with its id
        wanted.append(stored.rpartition("/")[2])
    stem = next(filter(None, map(_stem, wanted)), item["taskId"])
    return f"{stem}.{extension}"


def content_disposition(name: str) -> str:
    """Return the header for a file name: `inline; filename="Gro_e.jpg"; filename*=UTF-8''Gr…`.

    Browsers show the image, and save it under this name (RFC 6266). A program that does not know
    the second form gets the first one, which is ASCII and has no `%` (RFC 6266, appendix D).

    Args:
        name: as `result_name` returns it.
    """
    letters = "".join(
        c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)
    )
    # The plain form of a wide character can be a separator: that of U+FF0F is a slash.
    plain = re.sub(r'[^ -~]+|[%"\\/:*?<>|]', "_", letters)
    header = f'inline; filename="{plain}"'
    if plain == name:
        return header
    return f"{header}; filename*=UTF-8''{urllib.parse.quote(name, safe=PLAIN)}"


def _last_of_url(url: str) -> str:
    if url[:5].lower() == "data:":
        return ""
    try:
        path = urllib.parse.urlsplit(url).path
    except ValueError:
        return ""
    return urllib.parse.unquote(path.rstrip("/").rpartition("/")[2])


def _stem(wanted: str) -> str:
    """Return a name that every file system takes, without an extension; "" if nothing is left."""
    parts = (part.strip() for part in re.split(r"[/\\]", wanted))
    path = "_".join(part for part in parts if part.strip("."))
    text = "".join(c for c in unicodedata.normalize("NFC", path) if _is_visible(c))
    text = _trimmed(re.sub(r"\s+", " ", FORBIDDEN.sub("_", text)))
    ending = re.search(r"\.[^.]*$", text)
    if ending and EXTENSION.fullmatch(ending[0]):
        text = text[: ending.start()]
    while len(text.encode()) > LONGEST:
        text = text[:-1]
    text = _trimmed(text)
    return f"_{text}" if RESERVED.fullmatch(text) else text


def _is_visible(character: str) -> bool:
    return (
        character in JOINERS
        or character.isspace()
        or unicodedata.category(character) not in INVISIBLE
    )


def _trimmed(text: str) -> str:
    """Return a name that neither is hidden nor ends in what Windows ignores."""
    return text.strip().lstrip(". ").rstrip(". " + JOINERS)
