"""Batches for tests of the API, and their stored records."""

import uuid
from typing import Any

from tests.support.api_caller import Answer, Api

URL = "https://example.com/a.jpg"
BODY = {"sources": [{"imageUrl": URL}, {"imageUrl": URL, "name": "second"}]}


def submit(api: Api, **body: Any) -> Answer:
    answer = api.post("/batches", body or BODY)
    assert answer.status == 202, answer.body
    return answer


def stored(api: Api, batch: dict[str, Any]) -> dict[str, Any]:
    item = api.aws.batches.get(batch["batchId"])
    assert item is not None
    return item


def enter(api: Api, batch: dict[str, Any], count: int) -> list[str]:
    """Create tasks as Enter does; return their ids."""
    ids = [str(uuid.uuid5(uuid.UUID(batch["batchId"]), str(n))) for n in range(count)]
    for number, task_id in enumerate(ids):
        place = {"batchId": batch["batchId"], "batchIndex": number}
        output = {"format": "auto", "quality": 90}
        api.aws.store.create(
            task_id, "me", {"source": {"imageUrl": URL}, "output": output, **place}
        )
    return ids
