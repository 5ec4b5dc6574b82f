"""The machine that runs the measurements, and the bench's own Python environment.

The libraries that Darkroom is compared with, and matplotlib, are only in the environment of
tools/locks/bench.txt. The functions that need them are called in a process of its interpreter.
"""

import json
import platform
import re
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.localcloud.cloud import PROJECT, TOOLS

PYTHON = str(TOOLS / "bench" / "bin" / "python")
CALL = """
import json, sys
from tools.bench.{module} import {function}
json.dump({function}(*json.load(sys.stdin)), sys.stdout)
"""


def call(module: str, function: str, *arguments: Any) -> Any:
    """Call a function of a module of `tools.bench` in a process of the bench's environment.

    Arguments and result are passed as JSON.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    done = subprocess.run(  # noqa: S603 - our own modules
        [PYTHON, "-c", CALL.format(module=module, function=function)],
        cwd=PROJECT,
        input=json.dumps(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def versions(packages: Mapping[str, str]) -> str:
    """Return the names of libraries with the pinned versions of their packages in PyPI."""
    lock = (PROJECT / "tools" / "locks" / "bench.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==(\d+\.\d+\.\d+)", lock, re.MULTILINE))
    return ", ".join(f"{name} {pinned[package]}" for name, package in packages.items())


def processor() -> str:
    """Return the processor's name from Linux, else from Python."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
