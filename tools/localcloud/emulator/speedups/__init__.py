"""Patches that make ministack faster and change no answer.

`DARKROOM_SPEEDUPS=0` turns all of them off. Set it for `make up` or for the tests;
`tools.localcloud.cloud` passes it to the emulator.

A speedup is only worth its code if the test suite, `make demo` or the idle latency of a task is at
least 5 % worse without it.
"""

import os

from tools.localcloud.emulator.speedups import executions, expressions, output, processors, server

SPEEDUPS = (
    executions.start_without_a_pause,
    expressions.follow_paths_without_the_engine,
    output.read_output_on_the_event_loop,
    server.serve_with_uvicorn,
    processors.keep_to_one_processor,
)


def apply() -> None:
    """Apply all speedups, before the patches of `fidelity`, unless they are turned off."""
    if os.environ.get("DARKROOM_SPEEDUPS") != "0":
        for speedup in SPEEDUPS:
            speedup()
