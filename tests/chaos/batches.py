"""Batches in a scene: submitted with good and bad items, cancelled, retried, polled."""

import itertools
import json
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress

import httpx

from tests.chaos.batch_invariants import ALWAYS_ALLOWED, BatchItem, BatchPromise, totals
from tests.chaos.scene import Scene
from tests.support.cloud.stacks import until
from tests.support.fakes.sources import FILES

READERS = ("sources", "jsonl", "csv", "objects")
"""Where the items of a batch come from: the request, a manifest, or a prefix of the bucket."""
# Items, good and bad: the path, and the end of its task when nothing else goes wrong.
MIXED = [
    ("/colour.jpg", "COMPLETED"),
    ("/status/404/{n}", "SourceNotFound"),
    ("/colour.png", "COMPLETED"),
    ("/text.jpg", "UnsupportedFormat"),
    ("/flaky/1/{n}", "COMPLETED"),
    ("/truncated.jpg", "InvalidImage"),
]
NO_SOURCE = ("", "NoSource")
"""A line of a manifest that is no source. What the request lists is refused as a whole instead."""
CONTENT_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv"}
ACCEPTED, REFUSED = 202, 409
SECONDS_BETWEEN_LOOKS = 0.25

_numbers = itertools.count(1)


def submit(
    scene: Scene,
    size: int,
    reader: str = "sources",
    *,
    held: int = 0,
    tolerated: int = 100,
    also: Iterable[str] = (),
) -> str:
    """Submit a batch of good and bad items; return its id.

    Args: scene: receives the promise of the batch.
        size: how many items it has.
        reader: one of `READERS`.
        held: how many of them wait for their source until `scene.release`; not of "objects".
        tolerated: percentage of tasks that may have FAILED.
        also: ends that the fault may cause, beside those that `BatchPromise` always allows.
    """
    place = f"batch-{next(_numbers)}/"
    first = scene.random.randrange(len(MIXED))
    items = [_item(scene, reader, place, first + n, held=n < held) for n in range(size)]
    body: dict[str, object] = {"toleratedFailurePercentage": tolerated}
    if reader == "objects":
        for item in items:
            scene.rig.bring(item.source["object"], FILES[item.path])
        body["s3Prefix"] = place
    elif reader == "sources":
        body["sources"] = [item.source for item in items]
    else:
        lines = [item.source or {"imageUrl": "ftp://no.example/source"} for item in items]
        text = (
            "\n".join(json.dumps(line) for line in lines)
            if reader == "jsonl"
            else "\n".join(["imageUrl", *(line["imageUrl"] for line in lines)])
        )
        upload_id = scene.rig.upload(text, CONTENT_TYPES[reader])
        body["manifest"] = {"uploadId": upload_id, "format": reader}
    key = f"chaos-batch-{scene.random.getrandbits(64):x}-{next(_numbers)}"
    answer = scene.rig.post("/batches", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == ACCEPTED, answer.text
    batch_id: str = answer.json()["batchId"]
    ends = ALWAYS_ALLOWED | set(also)
    scene.batches.append(BatchPromise(batch_id, tuple(items), ends, scene.may_fail_with))
    return batch_id


def submit_some(
    scene: Scene, sizes: Sequence[int], *, held: int = 0, also: Iterable[str] = ()
) -> list[str]:
    """Submit batches of these sizes, the readers in turn; return their ids."""
    readers = [reader for reader in READERS if not held or reader != "objects"]
    first = scene.random.randrange(len(readers))
    return [
        submit(scene, size, readers[(first + n) % len(readers)], held=held, also=also)
        for n, size in enumerate(sizes)
    ]


def act(scene: Scene, batch_id: str, action: str) -> bool:
    """Cancel or retry a batch; say whether that was accepted."""
    answer = scene.rig.post(f"/batches/{batch_id}/{action}")
    assert answer.status_code in {ACCEPTED, REFUSED}, answer.text
    return answer.status_code == ACCEPTED


def statuses(scene: Scene) -> dict[str, str]:
    """Return the status of each batch of the scene, by id."""
    return {item["batchId"]: item["status"] for item in scene.batch_items()}


def until_ended(scene: Scene, seconds: float) -> None:
    """Wait until no batch of the scene is RUNNING."""
    until(lambda: "RUNNING" not in statuses(scene).values(), seconds, "all batches have ended")


class Look:
    """Polls the batches of a scene as clients do, and reports contradictory responses."""

    def __init__(self, scene: Scene) -> None:
        self.wrong: list[str] = []
        self._scene = scene
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        self._scene.wrong += self.wrong

    def _look(self) -> None:
        turns = itertools.count()
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            if not self._scene.batches:
                continue
            batch_id = self._scene.batches[next(turns) % len(self._scene.batches)].batch_id
            with suppress(httpx.HTTPError):  # the cloud is down, or a service that it needs
                answer = self._scene.rig.stack.http.get(f"/batches/{batch_id}")
                if answer.status_code == httpx.codes.OK:
                    self.wrong += [f"batch {batch_id}: {what}" for what in totals(answer.json())]


def _item(scene: Scene, reader: str, place: str, number: int, *, held: bool) -> BatchItem:
    """Make one item: `number` says which of the good and bad ones, in turn."""
    if held:
        path, end = f"/held/{next(_numbers)}-batch", "COMPLETED"
    else:
        choices = [
            choice
            for choice in [*MIXED, *([NO_SOURCE] if reader in CONTENT_TYPES else [])]
            if reader != "objects" or choice[0] in FILES
        ]
        path, end = choices[number % len(choices)]
    if not path:
        return BatchItem(path, end, None)
    if reader == "objects":
        owner = scene.rig.stack.outputs["ApiKeyId"]
        key = f"imports/{owner}/{place}{number:04}{path.replace('/', '-')}"
        return BatchItem(path, end, {"object": key})
    path = path.format(n=f"{next(_numbers)}-batch")
    return BatchItem(path, end, {"imageUrl": scene.rig.sources.url(path)})
