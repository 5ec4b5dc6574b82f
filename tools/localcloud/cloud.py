"""The local cloud's life: start it, ask whether it is up, stop it without leaving a process.

Its state stays in the state folder.
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

from tools.localcloud import guard, private, processes

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".local" / "tools"

# Not ministack's own 4566: another one may run on this machine.
PORT = 4599
# Seconds to be ready in: a cold start on a busy machine takes three, the first of all ten.
DEADLINE = 60.0
# Seconds that a clean stop may take before it is no longer asked for.
PATIENCE = 8.0

# What this process has started and may outlive: a Popen that is dropped while its process runs
# warns, and one that is never asked leaves a zombie.
_started: list[subprocess.Popen[bytes]] = []


class LocalCloudError(RuntimeError):
    """The local cloud cannot be started or used; the message says what to do."""


@dataclass(frozen=True)
class LocalCloud:
    """One emulator, its state folder `home` and its port.

    Two of them with different folders and ports do not see each other. One that is thrown away need
    not `keep` its state and its objects on disk. What it writes is for its owner only.
    """

    home: Path
    port: int
    keep: bool = True

    region = "us-east-1"

    @property
    def endpoint_url(self) -> str:
        """Where the AWS services answer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> private.Credentials:
        """What signs requests to it. FileNotFoundError: it was never started."""
        return private.Credentials.of(self.home)

    def start(self, **environment: str) -> None:
        """Start what does not run yet and wait until it is ready.

        `environment` goes to the emulator and from there to the functions, for example
        `LAMBDA_ACCOUNT_CONCURRENCY="10"`; it has no effect on an emulator that already runs.

        Raises:
            LocalCloudError: the port belongs to another process, or the start failed or took longer
                than `DEADLINE`. The message says where the log is.
            OSError: the state folder cannot be written.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with alone(self.home / "lock"):
            if not self.is_up():
                # What a killed emulator has left: workers, folders of code.
                self._end_everything()
                if not private.Credentials.there_are(self.home):
                    private.Credentials.make(self.home)
                self._start(self._environment() | environment)

    def stop(self) -> None:
        """End the emulator and every worker, also those that nobody owns any more."""
        if self.home.is_dir():
            with alone(self.home / "lock"):
                self._end_everything()

    def is_up(self) -> bool:
        """Say whether our emulator answers on its port (another process there is not ours)."""
        ours = bool(processes.running(self.home, "tools.localcloud.emulator"))
        # One of an earlier version, which has no credentials, takes orders from anybody.
        return ours and private.Credentials.there_are(self.home) and _answers(self._ready_url)

    def client(self, service: str, **settings: Any) -> Any:
        """Make a boto3 client of this local cloud: its endpoint, its credentials, one region.

        `settings` are of botocore's `Config`.
        """
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}, **settings),
            **self.credentials.arguments,
        )

    def save(self) -> None:
        """Write the state to disk now, and not within the next seconds.

        Raises:
            LocalCloudError: it cannot be written; the message says why.
        """
        with httpx.Client(trust_env=False, timeout=DEADLINE) as http:
            answer = http.get(f"{self.endpoint_url}{guard.SAVE}")
        if answer.status_code != httpx.codes.OK:
            raise LocalCloudError(answer.json()["error"]["message"])

    def _start(self, environment: Mapping[str, str]) -> None:
        if processes.listens(self.port):
            raise LocalCloudError(
                f"Port {self.port} of 127.0.0.1 is taken by {processes.owner_of(self.port)}. End "
                "that process, then run `make up` again."
            )
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
                # Ctrl-C in the terminal that started it is not meant for it.
                start_new_session=True,
                umask=0o077,
            )
        _started.append(process)
        deadline = time.monotonic() + DEADLINE
        while not _answers(self._ready_url):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise LocalCloudError(f"The local cloud did not start, see {log}")
            time.sleep(0.05)

    @property
    def _ready_url(self) -> str:
        return f"{self.endpoint_url}{guard.READY}"

    def _end_everything(self) -> None:
        processes.end(processes.marked(self.home), PATIENCE)
        # Workers that were being started while their emulator ended.
        processes.end(processes.marked(self.home), PATIENCE)
        _started[:] = [process for process in _started if process.poll() is None]
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _scratch(self) -> Path:
        return self.home / "tmp"

    def _environment(self) -> dict[str, str]:
        """Give only what a program needs to run: a developer's credentials go to no function."""
        private.make_folder(self.home / "state")
        private.make_folder(self._scratch)
        return {
            processes.MARK: str(self.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            # No ~/.aws there, and nothing is left behind in the machine's own folder.
            "HOME": str(self._scratch),
            "TMPDIR": str(self._scratch),
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "GATEWAY_PORT": str(self.port),
            "DARKROOM_FUNCTION_PYTHON": sys.executable,
            "DARKROOM_FUNCTION_PACKAGES": sysconfig.get_path("purelib"),
            "PERSIST_STATE": str(int(self.keep)),
            "S3_PERSIST": str(int(self.keep)),
            **self.credentials.environment,
        }


@contextmanager
def alone(path: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file, after the process that has it; `waits` is called if there is one."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False
