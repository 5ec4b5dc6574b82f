"""Finds and ends the processes of a local cloud.

The emulator starts workers, and they continue to run when the emulator is killed. All of them
inherit an environment variable, `MARK`, by which they are found.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "DARKROOM_LOCAL_CLOUD"


def marked(home: Path) -> list[psutil.Process]:
    """List the processes of the local cloud with this state folder, except this process."""
    return [process for process in _others() if _mark_of(process) == str(home)]


def running(home: Path, module: str) -> list[psutil.Process]:
    """List those that run a Python module, for example `tools.localcloud.emulator`."""
    return [process for process in marked(home) if module in _command_of(process)]


def end(processes: list[psutil.Process], timeout: float) -> None:
    """Terminate the processes; kill those that still run after `timeout` seconds."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, remaining = psutil.wait_procs(processes, timeout=timeout)
    for process in remaining:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(remaining, timeout=timeout)


def listens(port: int) -> bool:
    """Return whether any process accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listens_on(process: psutil.Process, port: int) -> bool:
    """Return whether a process accepts connections on this port."""
    with suppress(psutil.Error):
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in process.net_connections(kind="tcp")
        )
    return False


def owner_of(port: int) -> str:
    """Return the name of the process that listens on a port, if we may read it."""
    for process in _others():
        with suppress(psutil.Error):
            if listens_on(process, port):
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
    return []  # it has ended in the meantime
