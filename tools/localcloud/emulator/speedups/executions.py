"""Starts executions of Step Functions without a pause."""

import time

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import ModuleProxy, Patch, rely_on

# The fixed pause that ministack makes before each execution.
START_PAUSE = 0.15


@Patch
def start_without_a_pause() -> None:
    """Skip the pause of 150 ms that ministack makes before each execution."""

    def sleep(seconds: float) -> None:
        if seconds != START_PAUSE:
            time.sleep(seconds)

    rely_on(stepfunctions, "_run_execution", has="time.sleep(0.15)")
    stepfunctions.time = ModuleProxy(time, sleep=sleep)
