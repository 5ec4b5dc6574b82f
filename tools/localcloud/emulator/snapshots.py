"""The emulator's state on disk, a few seconds old at most, so that a kill loses next to nothing.

ministack writes its state at a clean stop only (objects in S3 excepted: `S3_PERSIST` writes each
when it is put). AWS forgets nothing that it has acknowledged. What cannot be written is logged by
ministack and then lost at the end; here it is tried again, and `problem` says that it is so.
"""

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

from tools.localcloud.emulator.patches.replacing import Function, replace

# Seconds between two snapshots, and how many times a snapshot's own duration has to pass before
# the next: a big state is written less often, not all the time.
INTERVAL = 2.0
REST = 10
# Bytes that must be free beside the largest file, which is written anew before the old one goes.
ROOM = 2**20

_log = logging.getLogger("darkroom.snapshots")
_writing = threading.Lock()
# Of each service what was written last, and the bytes of it.
_written: dict[str, str] = {}
_sizes: dict[str, int] = {}
# What is not on the disk: services by name, objects by bucket and key. Why not.
_unsaved: dict[str | tuple[str, str], str] = {}


def start_after_restoring() -> None:
    """Begin to write snapshots once ministack has read its state; they end with the process.

    A snapshot before that would put the empty state of a new process over the one on disk.
    """

    def restore(original: Function) -> Function:
        def then_start() -> None:
            original()
            threading.Thread(target=_forever, daemon=True, name="darkroom-snapshots").start()

        return then_start

    replace(app, "_load_persisted_state", restore, has="load_persisted_state(data)")
    replace(persistence, "save_state", lambda _: _save, has="__ministack_format__")
    replace(s3, "_persist_object", _noted, has="_atomic_write(fpath, data)")


def problem() -> str | None:
    """Say why what is acknowledged now would be lost at a restart; None when it would not be.

    It is known at once where the disk is full or may not be written, and where a snapshot or an
    object has failed already.
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


def write() -> None:
    """Write the state of every service that has changed since the last time.

    ministack copies live dictionaries without a lock, so a copy can fail when one grows meanwhile:
    that service is then written next time.
    """
    with _writing:
        for place in [place for place in _unsaved if isinstance(place, tuple)]:
            _write_object(*place)
        # A service not loaded yet has no state, and must not overwrite what it will restore.
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
        began = time.monotonic()
        try:
            write()
        except Exception:  # noqa: BLE001  # without this thread a kill would lose everything
            _log.exception("a snapshot failed; the next one follows")
        time.sleep(max(INTERVAL, REST * (time.monotonic() - began)))


def _save(service: str, state: Any) -> None:
    """Write one service's state as ministack reads it; note it where that fails.

    `json.dumps` encodes in C, five times as fast as ministack's `json.dump`.
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


def _noted(original: Function) -> Function:
    """Note which objects are in memory alone: ministack logs that and goes on."""

    def persist(bucket: str, key: str, record: Any) -> None:
        original(bucket, key, record)
        if isinstance(record, dict) and record.get("body") is not None:
            _unsaved[bucket, key] = f"the object {bucket}/{key} could not be written"
        else:
            _unsaved.pop((bucket, key), None)

    return persist


def _write_object(bucket: str, key: str) -> None:
    """Write an object that is in memory alone, if it still is one."""
    record = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key)
    if record is None:
        _unsaved.pop((bucket, key), None)
    else:
        s3._persist_object(bucket, key, record)


def _fingerprint(state: Any) -> str:
    """Digest a state without writing out its byte strings (code and layers, megabytes of them)."""

    def default(value: Any) -> Any:
        if isinstance(value, bytes | bytearray):
            return [len(value), hash(bytes(value))]
        return persistence._json_default(value)

    return hashlib.sha256(json.dumps(state, default=default).encode()).hexdigest()
