"""Starts and stops the emulator. Its state stays in the state folder, no process stays.

`DARKROOM_SPEEDUPS=0` in the environment starts it without `emulator.speedups`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tools.localcloud import guard, ports, private, processes

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".local" / "tools"

# Seconds within which the emulator must be ready. A cold start on a busy machine takes 3, the very
# first start 10.
DEADLINE = 60.0
# The switch of `emulator.speedups`: "0" turns all of them off.
SPEEDUPS = "DARKROOM_SPEEDUPS"
# Seconds that a clean stop may take before the processes are killed.
STOP_TIMEOUT = 8.0

# The emulators that this process has started. Python warns when the Popen of a running process is
# deleted, and an ended process stays a zombie until it is polled.
_started: list[subprocess.Popen[bytes]] = []


class LocalCloudError(RuntimeError):
    """The local cloud cannot be started or used. The message says what to do."""


class PortTaken(LocalCloudError):
    """Another process uses the port. The message names it."""


@dataclass(frozen=True)
class LocalCloud:
    """One emulator with its port and its state folder `home`.

    Local clouds with different folders and ports are independent. A temporary one need not `keep`
    its state and its objects on disk. Only the owner can read the files that it writes.
    """

    home: Path
    port: int
    keep: bool = True

    region = "us-east-1"

    @property
    def endpoint_url(self) -> str:
        """The URL of the AWS services."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> private.Credentials:
        """The credentials that sign requests. FileNotFoundError: it was never started."""
        return private.Credentials.load(self.home)

    def start(self, **environment: str) -> None:
        """Start the emulator unless it is running, and wait until it is ready.

        `environment` is passed to the emulator and to the functions, for example
        `LAMBDA_ACCOUNT_CONCURRENCY="10"`. It has no effect on an emulator that is already running.

        Raises:
            PortTaken: another process uses the port.
            LocalCloudError: the start failed or took longer than `DEADLINE`. The message says where
                the log is.
            OSError: the state folder cannot be written.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with locked(self.home / "lock"):
            if not self.is_up():
                # Remove what a killed emulator has left: workers and folders of code.
                self._end_everything()
                if not private.Credentials.exist(self.home):
                    private.Credentials.create(self.home)
                ports.correct_state(self.home, self.port)
                self._start(self._environment() | environment)

    def stop(self) -> None:
        """End the emulator and every worker, including workers whose emulator was killed."""
        if self.home.is_dir():
            with locked(self.home / "lock"):
                self._end_everything()

    def is_up(self) -> bool:
        """Return whether this emulator answers on its port, and not another process."""
        # An emulator of an earlier version has no credentials and accepts requests from everybody.
        return self._listens() and private.Credentials.exist(self.home) and self._answers()

    def _listens(self) -> bool:
        """Return whether this emulator listens on its port. Another emulator looks the same."""
        emulators = processes.running(self.home, "tools.localcloud.emulator")
        return any(processes.listens_on(process, self.port) for process in emulators)

    def client(self, service: str, **settings: Any) -> Any:
        """Create a boto3 client for this local cloud.

        `settings` are arguments of botocore's `Config`.
        """
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}, **settings),
            **self.credentials.arguments,
        )

    def save(self) -> None:
        """Write the state to disk now instead of within the next seconds.

        Raises:
            LocalCloudError: it cannot be written. The message says why.
        """
        with httpx.Client(trust_env=False, timeout=DEADLINE) as http:
            answer = http.get(f"{self.endpoint_url}{guard.SAVE}")
        if answer.status_code != httpx.codes.OK:
            raise LocalCloudError(answer.json()["error"]["message"])

    def _start(self, environment: Mapping[str, str]) -> None:
        if processes.listens(self.port):
            raise self._port_taken()
        log = self.home / "emulator.log"
        private.write(log, "")
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [TOOLS / "emulator" / "bin" / "python", "-m", "tools.localcloud.emulator"],
                cwd=PROJECT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must not end it.
                start_new_session=True,
                umask=0o077,
            )
        _started.append(process)
        deadline = time.monotonic() + DEADLINE
        while not (self._answers() and self._listens()):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                if process.wait() and processes.listens(self.port):  # another one was faster
                    raise self._port_taken()
                raise LocalCloudError(f"The local cloud did not start, see {log}")
            time.sleep(0.05)

    def _port_taken(self) -> PortTaken:
        return PortTaken(
            f"Port {self.port} of 127.0.0.1 is used by {processes.owner_of(self.port)}. End that "
            f"process, or choose another port with {ports.VARIABLE}, then run `make up` again."
        )

    def _answers(self) -> bool:
        url = f"{self.endpoint_url}{guard.READY}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False

    def _end_everything(self) -> None:
        processes.end(processes.marked(self.home), STOP_TIMEOUT)
        # End workers that were starting while their emulator ended.
        processes.end(processes.marked(self.home), STOP_TIMEOUT)
        _started[:] = [process for process in _started if process.poll() is None]
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _scratch(self) -> Path:
        return self.home / "tmp"

    def _environment(self) -> dict[str, str]:
        """Return only necessary variables, so that no function gets a developer's credentials."""
        private.make_folder(self.home / "state")
        private.make_folder(self._scratch)
        return {
            processes.MARK: str(self.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            # There is no ~/.aws in this folder, and temporary files are removed at the stop.
            "HOME": str(self._scratch),
            "TMPDIR": str(self._scratch),
            "GATEWAY_PORT": str(self.port),
            "DARKROOM_FUNCTION_PYTHON": sys.executable,
            "DARKROOM_FUNCTION_PACKAGES": sysconfig.get_path("purelib"),
            "PERSIST_STATE": str(int(self.keep)),
            "S3_PERSIST": str(int(self.keep)),
            SPEEDUPS: os.environ.get(SPEEDUPS, "1"),
            **self.credentials.environment,
        }


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file. If another process holds it, call `on_wait` and wait."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
