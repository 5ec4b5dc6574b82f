"""What ministack asks the kernel for without need.

Not a rule of AWS. A thread that calls the kernel lets go of the interpreter's lock, another one
takes it, and the first waits until it may go on: a task needs a hundred ids, and its objects a
hundred looks at folders.
"""

import os
import secrets
import uuid
from collections import deque
from functools import lru_cache

from ministack import app
from ministack.services import lambda_svc, s3

from tools.localcloud.emulator.patches.replacing import Function, Instead, rely_on, replace

# The bytes of an id, and for how many ids the kernel is asked at a time.
PIECE, PIECES = 16, 1024

_pieces: deque[bytes] = deque()


def apply() -> None:
    """Apply the patches of this module."""
    make_ids()
    look_for_no_links()


def make_ids() -> None:
    """Take ids from the kernel's random numbers, as some are secret: API keys, role sessions.

    It is asked once for a thousand of them.
    """

    def uuid4(_original: Function) -> Function:
        return lambda: uuid.UUID(bytes=random_bytes(PIECE), version=4)

    def token_hex(count: int) -> str:
        return random_bytes(count).hex()

    replace(uuid, "uuid4", uuid4, has="os.urandom(16)")
    rely_on(app, "_dispatch_service_request", has="os.urandom(48)")
    app.os = Instead(os, urandom=random_bytes)
    rely_on(lambda_svc, "_xray_trace_id_for_invocation", has="secrets.token_hex(12)")
    lambda_svc.secrets = Instead(secrets, token_hex=token_hex)


def random_bytes(count: int) -> bytes:
    """Return bytes that nobody can predict; no two callers get the same, in whatever thread."""
    pieces = b""
    while len(pieces) < count:
        try:
            pieces += _pieces.popleft()
        except IndexError:
            fresh = os.urandom(PIECE * PIECES)
            _pieces.extend(fresh[n : n + PIECE] for n in range(0, len(fresh), PIECE))
    return pieces[:count]


def look_for_no_links() -> None:
    """S3: an object's path is made from its key; nobody puts links into the state folder.

    ministack looks at each folder on the way, whenever it reads or writes an object.
    """
    resolved = lru_cache(os.path.realpath)

    def realpath(path: str) -> str:
        if path.startswith(resolved(s3.DATA_DIR) + os.sep):
            return os.path.normpath(path)
        return os.path.realpath(path)

    rely_on(s3, "_key_disk_path", has="os.path.realpath(plain)")
    s3.os = Instead(os, path=Instead(os.path, realpath=realpath), urandom=random_bytes)
