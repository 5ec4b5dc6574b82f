"""Runs the emulator on one processor and the functions on all of them.

Only one thread of a process runs Python at a time. If all threads use the same processor, the next
thread finds its caches filled, and no other processor has to be woken. Without this, a single task
needs 9 % more processor time. macOS does not let a process choose its processors.
"""

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from ministack.core import lambda_runtime

from tools.localcloud.emulator.replacing import ModuleProxy, Patch, rely_on


@Patch
def keep_to_one_processor() -> None:
    """Use one processor for the emulator; different local clouds use different ones."""
    if sys.platform != "linux":
        return
    processors = os.sched_getaffinity(0)

    def popen(*arguments: Any, **settings: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(*arguments, **settings)  # noqa: S603 - ministack's arguments
        with suppress(ProcessLookupError):  # it has ended already
            os.sched_setaffinity(process.pid, processors)
        return process

    rely_on(lambda_runtime.ProvidedWorker, "_spawn", has="subprocess.Popen(")
    lambda_runtime.subprocess = ModuleProxy(subprocess, Popen=popen)
    os.sched_setaffinity(0, {sorted(processors)[os.getpid() % len(processors)]})
