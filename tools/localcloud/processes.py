"""The processes of a local cloud, found by a mark in their environment.

The emulator starts workers, and workers outlive it when it is killed: they are nobody's children
then. The mark is inherited by all of them, so they are found all the same.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "DARKROOM_LOCAL_CLOUD"


def marked(home: Path) -> list[psutil.Process]:
    """List the processes of the local cloud with this state folder, ourselves excepted."""
    return [process for process in _others() if _mark_of(process) == str(home)]


def running(home: Path, module: str) -> list[psutil.Process]:
    """List those of them that run a Python module, for example `tools.localcloud.emulator`."""
    return [process for process in marked(home) if module in _command_of(process)]


def end(processes: list[psutil.Process], patience: float) -> None:
    """Ask the processes to end; after `patience` seconds, end them."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)


def listens(port: int) -> bool:
    """Say whether anything accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def owner_of(port: int) -> str:
    """Name the process that listens on a port, as far as we may know it."""
    for process in _others():
        with suppress(psutil.Error):
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return f"{process.name()} (pid {process.pid})"
    return "a process of another user"


def _others() -> Iterator[psutil.Process]:
    return (process for process in psutil.process_iter() if process.pid != os.getpid())


def _mark_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.environ().get(MARK)
    return None


def _command_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error, OSError):
        return process.cmdline()
    return []  # it has ended meanwhile
