"""The emulator's state on disk, a few seconds old at most, so that a kill loses next to nothing.

ministack writes its state at a clean stop only (objects in S3 excepted: `S3_PERSIST` writes each
when it is put). AWS forgets nothing that it has acknowledged.
"""

import hashlib
import json
import logging
import threading
import time
from typing import Any

from ministack import app
from ministack.core import persistence

from local.emulator.patches.replacing import Function, replace

# Seconds between two snapshots, and how many times a snapshot's own duration has to pass before
# the next: a big state is written less often, not all the time.
INTERVAL = 2.0
REST = 10

_log = logging.getLogger("darkroom.snapshots")
_written: dict[str, str] = {}


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


def write() -> None:
    """Write the state of every service that has changed since the last time.

    ministack copies live dictionaries without a lock, so a copy can fail when one grows meanwhile:
    that service is then written next time.
    """
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
        if _written.get(service) != fingerprint:
            persistence.save_state(service, state)
            _written[service] = fingerprint


def _forever() -> None:
    while True:
        began = time.monotonic()
        try:
            write()
        except Exception:  # noqa: BLE001  # without this thread a kill would lose everything
            _log.exception("a snapshot failed; the next one follows")
        time.sleep(max(INTERVAL, REST * (time.monotonic() - began)))


def _fingerprint(state: Any) -> str:
    """Digest a state without writing out its byte strings (code and layers, megabytes of them)."""

    def default(value: Any) -> Any:
        if isinstance(value, bytes | bytearray):
            return [len(value), hash(bytes(value))]
        return persistence._json_default(value)

    return hashlib.sha256(json.dumps(state, default=default).encode()).hexdigest()
