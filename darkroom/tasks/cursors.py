"""The cursor of a list: where it goes on, as opaque text that callers send back."""

import base64
import binascii
import json
from typing import Any


class InvalidCursor(ValueError):
    """The cursor is not one that a list of ours returned."""


def encode(*place: Any) -> str:
    """Return the cursor for a place in an index: the values of its keys."""
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[Any, Any]:
    """Return the two values that a cursor stands for. Their types are the caller's to check.

    Raises:
        InvalidCursor: it is not a cursor of two values.
    """
    try:
        first, second = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise InvalidCursor(cursor) from error
    return first, second
