"""Patches that make ministack faster and change no answer.

`DARKROOM_SPEEDUPS=0` turns all of them off. Set it for `make up` or for the tests;
`tools.localcloud.cloud` passes it to the emulator.

A speedup is only worth its code if the test suite, `make demo` or the idle latency of a task is at
least 5 % worse without it.
"""

import os

from tools.localcloud.emulator.replacing import apply_patches
from tools.localcloud.emulator.speedups import executions, expressions, output, processors, server

SPEEDUPS = (executions, expressions, output, server, processors)


def apply() -> None:
    """Apply all speedups, before the patches of `fidelity`, unless they are turned off."""
    if os.environ.get("DARKROOM_SPEEDUPS") != "0":
        apply_patches(*SPEEDUPS)
