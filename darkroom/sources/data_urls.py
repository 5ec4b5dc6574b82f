"""Images inside a URL: `data:image/png;base64,…` (RFC 2397)."""

import base64
import re
import urllib.parse

from darkroom.errors import SourceBlocked, SourceTooLarge

# A media type with parameters, then base64. Browsers write `application/octet-stream`, or no type,
# for a file whose type they do not know; its bytes decide. The RFC also allows bytes without
# base64, but nobody sends images that way.
HEAD = re.compile(
    r"data:(image/(\*|[a-z0-9.+-]+)|(application|binary)/octet-stream)?"
    r"(;[a-z0-9-]+=[^;,]*)*; *base64,",
    re.IGNORECASE,
)
HEAD_LENGTH = 200


def is_data_url(url: str) -> bool:
    """Whether a URL contains the bytes themselves."""
    return url[:5].lower() == "data:"


def decode(url: str, max_bytes: int) -> tuple[str, bytes]:
    """Return the head of a data URL, for display, and the bytes that it contains.

    As in browsers, the base64 may have line breaks, and characters that are percent-encoded
    (https://fetch.spec.whatwg.org/#data-url-processor).

    Raises:
        SourceBlocked: it has another form than `data:image/…;base64,…`, where the type may also be
            `application/octet-stream` or missing; or it is not valid base64.
        SourceTooLarge: more than `max_bytes`.
    """
    head = HEAD.match(url[:HEAD_LENGTH])
    if not head:
        raise SourceBlocked("A data URL must have the form data:image/png;base64,… .")
    text = "".join(urllib.parse.unquote(url[head.end() :]).split())
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error; for text that is not ASCII a plain ValueError
        raise SourceBlocked(
            "The data URL is not valid base64. Encode the bytes of the file again."
        ) from error
    if not data:
        raise SourceBlocked("The data URL contains no bytes.")
    if len(data) > max_bytes:
        raise SourceTooLarge(f"The data URL contains {len(data)} bytes; the limit is {max_bytes}.")
    return head[0] + "…", data
