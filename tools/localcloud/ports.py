"""The port of each checkout's local cloud: free when it is chosen, and the same after a restart.

Addresses contain the port, so it is kept in the state folder. Each checkout starts its search at
another port, which follows from the path of its state folder. So two checkouts hardly ever want the
same one, also if one of them is stopped at the moment. `DARKROOM_PORT` in the environment has
precedence.
"""

import hashlib
import json
import os
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.localcloud import private

VARIABLE = "DARKROOM_PORT"
FILE = "port"
FIRST, COUNT = 20_000, 10_000
"""The ports to choose from.

They are below those that Linux (from 32768), macOS and Windows (both from 49152) give to outgoing
connections, and browsers block none of them: https://fetch.spec.whatwg.org/#port-blocking
"""
LAST_PORT = 65_535
STATES_WITH_URLS = ("cloudformation", "lambda", "sqs")
"""The files of ministack's state that contain URLs of queues."""


class WrongPort(ValueError):
    """`DARKROOM_PORT` is not the number of a port. The message says which values are accepted."""


def kept(home: Path) -> int:
    """Return the port of the local cloud with this state folder, which may be in use by others.

    Raises:
        WrongPort: `DARKROOM_PORT` is not the number of a port.
    """
    return fixed() or _written(home) or next(_candidates(home))


def fixed() -> int | None:
    """Return the port that the environment demands; None if it demands none.

    Raises:
        WrongPort: `DARKROOM_PORT` is not the number of a port.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= LAST_PORT:
        raise WrongPort(f"{VARIABLE} is {text!r}. Set it to a number from 1 to {LAST_PORT}.")
    return int(text)


def replacement(home: Path, taken: Callable[[int], bool]) -> int:
    """Return another port for a local cloud, which nobody uses now.

    Args:
        home: its state folder.
        taken: whether somebody uses a port.
    """
    return next(port for port in _candidates(home) if not taken(port))


def keep(home: Path, port: int) -> None:
    """Write down the port of a local cloud."""
    if _written(home) != port:
        private.write(home / FILE, f"{port}\n")


def correct_state(home: Path, port: int) -> None:
    """Correct the state of a stopped local cloud that will start on another port than last time.

    The URL of a queue has the port. It is the queue's key in ministack's state, a variable of the
    functions, and an output of the stack. The port is kept, because the state now belongs to it.
    """
    before = _written(home)
    if before in {None, port}:
        return
    for service in STATES_WITH_URLS:
        path = home / "state" / f"{service}.json"
        if path.exists():
            old, new = (f"http://localhost:{number}/" for number in (before, port))
            private.write(path, path.read_text().replace(old, new))
    keep(home, port)


def unused() -> int:
    """Return a port that nobody uses now, for a local cloud that is soon removed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _candidates(home: Path) -> Iterator[int]:
    digest = hashlib.sha256(os.fsencode(home)).digest()
    start = int.from_bytes(digest[:4], "big") % COUNT
    return (FIRST + (start + step) % COUNT for step in range(COUNT))


def _written(home: Path) -> int | None:
    """Return the port in the state folder; None if there is none.

    An earlier version of the project wrote it only into the description of the stack.
    """
    try:
        return int((home / FILE).read_text())
    except (OSError, ValueError):
        pass
    try:
        url: str = json.loads((home / "stack.json").read_text())["endpointUrl"]
        return urllib.parse.urlsplit(url).port
    except (OSError, ValueError, KeyError, TypeError):
        return None
