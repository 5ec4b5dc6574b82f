"""Ports for the servers of tests, and the ports on which a local cloud listens."""

import contextlib
import socket
from pathlib import Path

import psutil

from tools.localcloud import processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(home: Path) -> set[tuple[str, int]]:
    """The addresses and ports on which the processes of a local cloud wait for connections."""
    found: set[tuple[str, int]] = set()
    for process in processes.marked(home):
        with contextlib.suppress(psutil.NoSuchProcess):  # a function that has ended in the meantime
            found |= {
                (connection.laddr.ip, connection.laddr.port)
                for connection in process.net_connections()
                if connection.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
            }
    return found
