"""Writes the emulator's state to disk every few seconds, so that a kill loses almost nothing.

While the state cannot be written, changes over HTTP are rejected.

AWS keeps everything that it has acknowledged. ministack writes its state only at a clean stop.
Objects in S3 are the exception: `S3_PERSIST` writes each object at its put. When a write fails,
ministack logs it and loses the data at the stop. Here a failed write is retried, and `problem`
reports it.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.services import s3

from tools.localcloud.emulator.replacing import Function, replaces
from tools.localcloud.guard import SAVE, SAVED, STAGE, Application, Receive, Scope, Send, respond

# Seconds between two snapshots. A large state is written less often: the pause is at least `REST`
# times the processor time of the last snapshot, but never more than `LONGEST`.
INTERVAL = 2.0
REST = 10
LONGEST = 20.0
# Free bytes that are required in addition to the size of the largest file: a new file is written
# before the old one is removed.
ROOM = 2**20
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
JSON = b"application/json"

_log = logging.getLogger("darkroom.snapshots")
_writing = threading.Lock()
# The fingerprint and the size of what was last written, by service.
_written: dict[str, str] = {}
_sizes: dict[str, int] = {}
# Why something is not on disk: a service by its name, an object by its bucket and key.
_unsaved: dict[str | tuple[str, str], str] = {}


@replaces(app, "_load_persisted_state", has="load_persisted_state(data)")
def start_after_restoring(original: Function) -> None:
    """Start writing snapshots once ministack has read its state. They end with the process.

    An earlier snapshot would overwrite the state on disk with the empty state of a new process.
    """
    original()
    threading.Thread(target=_forever, daemon=True, name="darkroom-snapshots").start()


@replaces(persistence, "save_state", has="__ministack_format__")
def save_at_the_stop(_original: Function, service: str, state: Any) -> None:
    """Write the state of a service at a clean stop like a snapshot."""
    _save(service, state)


@replaces(s3, "_persist_object", has="_atomic_write(fpath, data)")
def record_unwritten_objects(original: Function, bucket: str, key: str, record: Any) -> None:
    """Record objects that could not be written; ministack logs the failure and continues."""
    original(bucket, key, record)
    if isinstance(record, dict) and record.get("body") is not None:
        _unsaved[bucket, key] = f"the object {bucket}/{key} could not be written"
    else:
        _unsaved.pop((bucket, key), None)


def problem() -> str | None:
    """Return why a change that is accepted now would be lost at a restart; None if it is safe.

    A full or read-only disk is detected immediately. Other reasons are known once the write of a
    snapshot or of an object has failed.
    """
    if not persistence.PERSIST_STATE:
        return None
    folder = persistence.STATE_DIR
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return _sentence(error.strerror or str(error))
    if disk.f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK):
        return _sentence("it is read-only")
    if disk.f_bavail * disk.f_frsize < ROOM + max(_sizes.values(), default=0):
        return _sentence("the disk is full")
    reasons = list(_unsaved.values())
    return _sentence(reasons[0]) if reasons else None


def _sentence(reason: str) -> str:
    return (
        f"The local cloud cannot save its state in {persistence.STATE_DIR}: {reason}. It accepts "
        "nothing new until it can, as that would be lost when it stops."
    )


def reject_unsaved_changes(application: Application) -> Application:
    """Wrap an ASGI application so that its APIs accept no change that cannot be saved.

    Work that was accepted earlier continues in memory and is saved as soon as possible. `SAVE`
    and `SAVED` are answered 200, or 503 with the reason as an error of the API.
    """

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        is_status = path in {SAVE, SAVED}
        if path == SAVE:
            await asyncio.to_thread(write)
        if not is_status and not (scope.get("method") in CHANGES and STAGE.match(path)):
            await application(scope, receive, send)
        elif reason := problem():
            error = {"error": {"code": "ServiceUnavailable", "message": reason}}
            await respond(send, 503, JSON, json.dumps(error))
        elif is_status:
            await respond(send, 200, JSON, "{}")
        else:
            await application(scope, receive, send)

    return gate


def write() -> None:
    """Write the state of every service that has changed since the last snapshot.

    ministack copies live dictionaries without a lock, so a copy fails if a dictionary grows at the
    same time. That service is then written with the next snapshot.
    """
    with _writing:
        for place in [place for place in _unsaved if isinstance(place, tuple)]:
            _write_object(*place)
        # A service that is not loaded yet has no state, and must not overwrite the saved one.
        for service, get_state in app._build_persistence_save_dict().items():
            try:
                state = get_state()
                if state is None:
                    continue
                fingerprint = _fingerprint(state)
            except RuntimeError:
                _log.debug("%s changed while it was copied", service)
                continue
            if _written.get(service) != fingerprint or service in _unsaved:
                _save(service, state)
                if service not in _unsaved:
                    _written[service] = fingerprint


def _forever() -> None:
    while True:
        began = time.thread_time()  # on a busy machine the real time is many times as long
        try:
            write()
        except Exception:  # noqa: BLE001  # this thread must not end: a kill would lose everything
            _log.exception("a snapshot failed; the next one follows")
        time.sleep(min(max(INTERVAL, REST * (time.thread_time() - began)), LONGEST))


def _save(service: str, state: Any) -> None:
    """Write one service's state in ministack's format; record a failure in `_unsaved`.

    `json.dumps` encodes in C and is five times as fast as `json.dump`, which ministack uses.
    """
    if not persistence.PERSIST_STATE:
        return
    version = persistence._state_format_version(service)
    document = {"__ministack_format__": version, "payload": state}
    path = Path(persistence.STATE_DIR, f"{service}.json")
    partial = path.with_suffix(".json.tmp")
    try:
        text = json.dumps(document, default=persistence._json_default)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sizes[service] = partial.write_text(text)
        partial.replace(path)
    except (OSError, TypeError, ValueError) as error:
        _log.exception("the state of %s is not saved", service)
        _unsaved[service] = getattr(error, "strerror", None) or str(error)
        with contextlib.suppress(OSError):
            partial.unlink()
    else:
        _unsaved.pop(service, None)


def _write_object(bucket: str, key: str) -> None:
    """Write an object that is only in memory, if it still exists."""
    record = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key)
    if record is None:
        _unsaved.pop((bucket, key), None)
    else:
        s3._persist_object(bucket, key, record)


def _fingerprint(state: Any) -> str:
    """Return a digest of a state, without encoding its byte strings (megabytes of code)."""

    def default(value: Any) -> Any:
        if isinstance(value, bytes | bytearray):
            return [len(value), hash(bytes(value))]
        return persistence._json_default(value)

    return hashlib.sha256(json.dumps(state, default=default).encode()).hexdigest()
