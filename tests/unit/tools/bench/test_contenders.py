"""What the benchmark has started ends with it."""

import sys
import time

import psutil

from tools.bench.contenders import running

CHILD = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
DEADLINE = 30


def test_what_a_command_has_started_ends_with_it():
    deadline = time.monotonic() + DEADLINE
    with running([sys.executable, "-c", PARENT], {}) as pid:
        parent = psutil.Process(pid)
        while not (children := parent.children()):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    assert not any(process.is_running() for process in [parent, *children])
