"""The processors of the machine: one for the emulator, all of them for the functions.

One thread at a time runs Python. Where the threads of a process are on one processor, the next one
finds there what the last one has left, and nobody has to wake another processor for it: a request
takes the emulator a quarter less. Not on macOS, which gives a process no say in this.
"""

import os
import sys
from contextlib import suppress

COUNT = os.cpu_count() or 1


if sys.platform == "linux":
    _all = os.sched_getaffinity(0)

    def keep_to_one() -> None:
        """Keep this process and what it starts to one processor, not all clouds to the same."""
        os.sched_setaffinity(0, {sorted(_all)[os.getpid() % len(_all)]})

    def let_use_all(pid: int) -> None:
        """Let a process that was started, and may have ended, use what this one could."""
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, _all)

else:

    def keep_to_one() -> None:
        """Do nothing."""

    def let_use_all(pid: int) -> None:
        """Do nothing."""
