"""What a folder of results remembers of its batch, so that the same command again goes on with it.

It is written before the batch is submitted, with the idempotency key: the same request again, by
another process, is then the same batch.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = ".darkroom-batch.json"
UPLOADS_LAST = 20 * 3600.0
"""Seconds for which uploads that no batch is known to have are used again: the API keeps a day."""


@dataclass
class Journal:
    """One batch: `batch_id` is known once it was accepted."""

    version: str
    """Of all that was submitted: another one is another batch."""
    source: dict[str, Any]
    """What `Batches.submit` was given."""
    uploads: dict[str, str]
    """The upload of each file, by the label of its source."""
    refused: dict[str, tuple[str, str]]
    """Files that could not be uploaded: error and message, by the label."""
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    batch_id: str | None = None

    def write(self, folder: Path) -> None:
        """Write it to a folder; it is there whole, or as it was."""
        partial = folder / f"{FILE}.partial"
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(folder / FILE)


def version(parts: Iterable[Any]) -> str:
    """Return a version of what can be JSON: two are alike only if all parts are."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def read(folder: Path, wanted: str) -> Journal | None:
    """Return what a folder remembers of a batch of this version; None if nothing that helps."""
    path = folder / FILE
    try:
        found = Journal(**json.loads(path.read_text()))
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None
    if found.version != wanted or (found.batch_id is None and age > UPLOADS_LAST):
        return None
    return found
