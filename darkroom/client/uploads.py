"""The form of `POST /uploads`: how large a file it takes, and how a larger one is refused.

Its policy says so (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
S3 enforces it in any case; to read it here saves sending gigabytes for nothing.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from darkroom.client.transport import ApiError

TOO_LARGE = "EntityTooLarge"
"""What S3 answers to more bytes than the form allows."""
MIB = 1024**2


def check(form: Mapping[str, Any], size: int) -> None:
    """See that a form takes a file of so many bytes, as far as it tells.

    Raises:
        ApiError: it does not; S3 would say the same.
    """
    most = _most(form)
    if most is not None and size > most:
        raise too_large(size, f"the {most / MIB:.1f} MiB that this Darkroom takes")


def too_large(size: int, limit: str = "this Darkroom takes") -> ApiError:
    """Return S3's refusal of a large file in our words."""
    return ApiError(400, TOO_LARGE, f"The file has {size / MIB:.1f} MiB, more than {limit}.")


def _most(form: Mapping[str, Any]) -> int | None:
    try:
        conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
        lengths = [c for c in conditions if isinstance(c, list) and c[0] == "content-length-range"]
        return int(lengths[0][2])
    except (LookupError, TypeError, ValueError):
        return None  # S3 reads it all the same
