"""Images inside a URL: `data:image/png;base64,…` (RFC 2397)."""

import base64
import re

from darkroom.errors import SourceBlocked, SourceTooLarge

# A media type with parameters, then base64: percent-encoded bytes are allowed by the RFC, but no
# image is sent that way.
HEAD = re.compile(r"data:image/[a-z0-9.+-]+(;[a-z0-9-]+=[^;,]*)*;base64,", re.IGNORECASE)
HEAD_LENGTH = 200


def is_data_url(url: str) -> bool:
    """Whether a URL carries its bytes itself."""
    return url[:5].lower() == "data:"


def decode(url: str, max_bytes: int) -> tuple[str, bytes]:
    """Return the head of a data URL, which is fit to be shown, and the bytes that it carries.

    Raises:
        SourceBlocked: not of the form `data:image/…;base64,…`, or no valid base64.
        SourceTooLarge: more than `max_bytes`.
    """
    head = HEAD.match(url[:HEAD_LENGTH])
    if not head:
        raise SourceBlocked("A data URL must have the form data:image/png;base64,… .")
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except ValueError as error:  # binascii.Error is one; text that is not ASCII gives the plain one
        raise SourceBlocked("The data URL is not valid base64.") from error
    if not data:
        raise SourceBlocked("The data URL contains no bytes.")
    if len(data) > max_bytes:
        raise SourceTooLarge(f"The data URL contains {len(data)} bytes; the limit is {max_bytes}.")
    return head[0] + "…", data
