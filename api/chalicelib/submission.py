"""Where a task is taken: its bytes put away, its item stored, its order queued."""

import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.models import NewTask
from chalicelib.problems import Problem, logger, unavailable
from darkroom import dataurls
from darkroom.errors import SourceError, SourceTooLarge
from darkroom.messages import Queue
from darkroom.objects import Bucket, upload_key
from darkroom.store import TaskStore
from darkroom.tasks import order


class Desk:
    """Takes tasks."""

    def __init__(
        self, store: TaskStore, bucket: Bucket, queue: Queue, max_source_bytes: int
    ) -> None:
        """Work with these; a data URL may carry `max_source_bytes`."""
        self._store, self._bucket, self._queue = store, bucket, queue
        self._max_source_bytes = max_source_bytes

    def submit(self, owner: str, new: NewTask) -> dict[str, Any]:
        """Store and queue a task; return its item.

        Raises:
            Problem: 400, a data URL is not well formed; 413, it is too large; 503, the task could
                not be queued: it is FAILED then, and never left PENDING with no message.
        """
        task_id = str(uuid.uuid4())
        attributes: dict[str, Any] = {
            "source": self._put_away(new.imageUrl),
            "output": new.output.model_dump(),
        }
        if new.name is not None:
            attributes["name"] = new.name
        item = self._store.create(task_id, owner, attributes)
        try:
            self._queue.send(order(item))
        except (BotoCoreError, ClientError) as error:
            logger.warning("a task could not be queued", taskId=task_id, reason=str(error))
            failure = {
                "step": "Queue",
                "error": "ServiceUnavailable",
                "message": "The task could not be queued. Send it again.",
            }
            self._store.fail(task_id, item["attempt"], "", failure)
            raise unavailable() from error
        return item

    def _put_away(self, url: str) -> dict[str, str]:
        """Return the source of a task. The bytes of a data URL go to the bucket, not the table."""
        if not dataurls.is_data_url(url):
            return {"imageUrl": url}
        try:
            shown, data = dataurls.decode(url, self._max_source_bytes)
        except SourceTooLarge as error:
            raise Problem(413, "SourceTooLarge", str(error), "imageUrl") from error
        except SourceError as error:
            raise Problem(400, "InvalidSource", str(error), "imageUrl") from error
        upload_id = str(uuid.uuid4())
        self._bucket.put(upload_key(upload_id), data, "application/octet-stream")
        return {"imageUrl": shown, "uploadId": upload_id}
