"""Count the tasks that use an upload, so that it is deleted with the last of them.

Several tasks may have the same upload as their source. The table has one item for each upload that
is in use, without an index:

    {"taskId": "uses uploads/{owner}/{uploadId}", "uses": 2, "expiresAt": 1795683600}

A use is counted before its task is stored, and removed in the transaction that deletes the task.
So a number may be too high, and is never too low: a file stays too long at worst, until the bucket
deletes it after 15 days. The file of a data URL belongs to one task and is not counted.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import Table, TransactionRefused, Write

USES = "uses "
"""The beginning of the key of a number of uses."""
RECORD_SECONDS = 16 * 86_400
"""How long a number is kept after the last use began: a day longer than the upload itself."""

Source = Mapping[str, Any]
"""The attribute `source` of a task."""


class UploadUses:
    """The numbers of uses, in the table of tasks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, source: Source) -> None:
        """Count a use of the source, if that is an upload."""
        if _is_upload(source):
            expires = int(time.time()) + RECORD_SECONDS
            self._table.add(_key(source), "uses", 1, expiresAt=expires)

    def take_back(self, source: Source, *, last: bool = False) -> None:
        """Remove a use whose task was not stored, but never the file.

        If another request changes the number at the same time, it stays too high.

        Args:
            source: the source of that task.
            last: whether no other task may use the upload, so that the item may have to go.
        """
        if not _is_upload(source):
            return
        one_less = self._table.add_of(_key(source), "uses", -1, "#uses > :one", one=1)
        writes = self.removal(source)[0] if last else [one_less]
        if writes:
            with contextlib.suppress(TransactionRefused):
                self._table.transact(writes)

    def is_used(self, source: Source) -> bool:
        """Whether a task uses this upload."""
        return self._table.get(_key(source)) is not None

    def removal(self, source: Source) -> tuple[list[Write], list[str]]:
        """Return the writes that remove the use of a task, and the files to delete after them.

        The writes fail if another task begins or ends its use in the meantime. Then ask again.
        An upload without a number was first used under an earlier release. It is not deleted here,
        because it is not known how many tasks use it.
        """
        if not _is_upload(source):
            return [], own_files(source)
        stored = self._table.get(_key(source))
        if stored is None:
            return [], []
        if stored["uses"] > 1:
            return [self._table.add_of(_key(source), "uses", -1, "#uses > :one", one=1)], []
        return [self._table.delete_of(_key(source), "#uses <= :one", one=1)], [source["object"]]


def own_files(source: Source) -> list[str]:
    """Return the keys of the files that belong to one task alone: the bytes of a data URL."""
    return [source["object"]] if _is_data_url(source) else []


def _is_data_url(source: Source) -> bool:
    return "object" in source and "imageUrl" in source


def _is_upload(source: Source) -> bool:
    key = source.get("object", "")
    return isinstance(key, str) and key.startswith("uploads/") and "imageUrl" not in source


def _key(source: Source) -> dict[str, str]:
    return {"taskId": f"{USES}{source['object']}"}
