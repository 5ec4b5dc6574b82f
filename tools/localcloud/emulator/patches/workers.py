"""How many processes the functions get on a laptop, and when they go away.

AWS gives each concurrent invocation an execution environment of its own. Here that is a process on
the same few cores: 200 tasks at once made 131 processes and 1 to 3 tasks a second, with bounded
workers 12 processes and more than 20.
"""

import os
import threading
import time
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator import processors
from tools.localcloud.emulator.patches.replacing import Function, rely_on, replace
from tools.localcloud.emulator.turns import Turns

WORKERS = int(os.environ.get("DARKROOM_WORKERS", "2"))
# Invocations that may wait for a process before queues are kept waiting, too.
MOST_WAITING = 16

# Invocations that may work at a time for each processor, and the seconds of a turn.
AT_A_TIME = 2
TURN = 0.25

_turns = Turns(AT_A_TIME * processors.COUNT, TURN)
_slots: dict[str, threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()
_waiting = 0


def apply() -> None:
    """Apply the patches of this module."""
    bound_the_workers()
    keep_messages_while_functions_wait()
    end_idle_workers()


def bound_the_workers() -> None:
    """Let an invocation wait while its function has all its processes busy.

    The wait is inside ministack's accounting of concurrency, so what waits counts as in flight,
    as it would on AWS where it ran: with `LAMBDA_ACCOUNT_CONCURRENCY=10` the eleventh invocation,
    running or waiting, is throttled. The function's timeout begins after the wait.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    All functions together take turns, too: of a dozen processes at work each finds that the others
    have emptied the processor's caches, and a task takes a tenth more of its time.

    A function that invoked itself and waited for the answer could wait for its own process. None
    of ours does.
    """

    def bounded(original: Function) -> Function:
        def run(func: dict[str, Any], event: Any, request_id: str) -> Any:
            name = lambda_svc._inflight_key(func.get("config") or func)
            with _slots_lock:
                slot = _slots.setdefault(name, threading.BoundedSemaphore(WORKERS))
            _count(1)
            try:
                slot.acquire()
            finally:
                _count(-1)
            try:
                with _turns.turn():
                    return original(func, event, request_id)
            finally:
                slot.release()

        return run

    replace(lambda_svc, "_execute_function_provided_warm", bounded, has="acquire_worker")


def keep_messages_while_functions_wait() -> None:
    """Not a rule of AWS: what a queue orders stays in it while many invocations wait.

    AWS would run them all. Here a thousand executions at once would each wait longer for a process
    than their states may take; so few are begun that each is done soon.
    """

    def receive(original: Function) -> Function:
        def unless_busy(*args: Any) -> Any:
            return [] if _waiting >= MOST_WAITING else original(*args)

        return unless_busy

    replace(sqs, "_receive_messages_for_esm", receive, has="queue_url")


def _count(change: int) -> None:
    """Count an invocation that begins to wait, or ends to; queues go on when there are few."""
    global _waiting  # noqa: PLW0603 - one number for the whole emulator
    with _slots_lock:
        _waiting += change
        some_are_done = change < 0 and _waiting == MOST_WAITING - 1
    if some_are_done:
        lambda_svc.esm_wake.set()


def end_idle_workers() -> None:
    """End every process that has been idle for long; ministack keeps one per function for ever.

    `LAMBDA_WARM_TTL_SECONDS` (300) says how long.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (shutdown)
    """

    def forever() -> None:
        while True:
            time.sleep(min(30.0, runtime._LOCAL_WORKER_TTL / 2))
            runtime.kill_workers(_take_idle_workers())

    rely_on(runtime, "reap_idle_workers", has="i == 0 and not snapstart")
    threading.Thread(target=forever, daemon=True, name="darkroom-idle-workers").start()


def _take_idle_workers() -> list[Any]:
    """Take the idle workers out of ministack's pools, so that no invocation gets one any more."""
    oldest = time.time() - runtime._LOCAL_WORKER_TTL
    idle = []
    with runtime._lock:
        for pool in runtime._workers.values():
            gone = [w for w in pool if not w.in_use and w.last_used < oldest]
            pool[:] = [w for w in pool if w not in gone]
            idle += gone
    return idle
