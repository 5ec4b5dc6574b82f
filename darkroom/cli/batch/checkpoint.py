"""The checkpoint of a batch in the folder of results: it lets the same command resume the batch.

It is written before the batch is submitted and holds the idempotency key. So when another process
sends the same request again, the API returns the same batch.
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
"""Seconds for which the uploads of a batch that was not submitted are used again.

An upload is valid for a day. After that it may expire before its task has waited in the queue.
"""


@dataclass
class Checkpoint:
    """One batch."""

    version: str
    """Digest of all sources and options: if it differs, it is another batch."""
    source: dict[str, Any]
    """The argument of `Batches.submit`."""
    uploads: dict[str, str]
    """The upload id of each file, by the label of its source."""
    refused: dict[str, tuple[str, str]]
    """Files that could not be uploaded: error and message, by the label of the source."""
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The idempotency key."""
    batch_id: str | None = None
    """None until the API has accepted the batch."""

    def write(self, folder: Path) -> None:
        """Write the checkpoint to a folder atomically."""
        partial = folder / f"{FILE}.partial"
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(folder / FILE)


def version(parts: Iterable[Any]) -> str:
    """Return a digest of parts, which must be serializable as JSON."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def read(folder: Path, wanted: str) -> Checkpoint | None:
    """Return a folder's checkpoint of a batch of this version; None if there is no usable one."""
    path = folder / FILE
    try:
        found = Checkpoint(**json.loads(path.read_text()))
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None
    if found.version != wanted or (found.batch_id is None and age > UPLOADS_LAST):
        return None
    return found
