"""The cursor of a list: the position of its next page, as opaque text that callers send back."""

import base64
import binascii
import json
from typing import Any


class InvalidCursor(ValueError):
    """The cursor was not returned by a list of this API."""


def encode(*position: Any) -> str:
    """Return the cursor for a position in an index, given as the values of its keys."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[Any, Any]:
    """Return the two values in a cursor. The caller has to check their types.

    Raises:
        InvalidCursor: the text is not a cursor of two values.
    """
    try:
        first, second = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise InvalidCursor(cursor) from error
    return first, second
