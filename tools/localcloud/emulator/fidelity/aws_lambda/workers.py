"""Lambda: how many processes the functions have on a laptop, and when they end.

AWS gives each concurrent invocation its own execution environment. Here an environment is a process
on the same few processors. 200 tasks at once started 131 processes and ran at 1 to 3 tasks per
second. With limited workers there are 12 processes and more than 20 tasks per second.

Differences from AWS: docs/aws-differences.md, "Lambda" and "Intended differences".
"""

import os
import threading
import time
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator.limiter import Limiter
from tools.localcloud.emulator.replacing import Function, Patch, rely_on, replaces

WORKERS = int(os.environ.get("DARKROOM_WORKERS", "2"))
# While so many invocations wait for a process, no messages are received.
MOST_WAITING = 16

# Invocations that may work at once for each processor, and the seconds for which each one counts.
AT_ONCE = 2
LONGEST = 0.25

_limiter = Limiter(AT_ONCE * (os.cpu_count() or 1), LONGEST)
_slots: dict[str, threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()
_waiting = 0


@replaces(lambda_svc, "_execute_function_provided_warm", has="acquire_worker")
def limit_the_workers(original: Function, func: dict[str, Any], event: Any, request: str) -> Any:
    """Let an invocation wait while all processes of its function are busy.

    A waiting invocation counts as a concurrent one, since it would be running on AWS. With
    `LAMBDA_ACCOUNT_CONCURRENCY=10`, the eleventh invocation, running or waiting, is throttled. The
    function's timeout begins after the wait.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    All functions together take turns, too: of a dozen processes at work each finds that the others
    have emptied the processor's caches, and a task takes a tenth more of its time.

    A function that invokes itself and waits for the answer could wait for its own process. None of
    our functions does.
    """
    name = lambda_svc._inflight_key(func.get("config") or func)
    with _slots_lock:
        slot = _slots.setdefault(name, threading.BoundedSemaphore(WORKERS))
    _count(1)
    try:
        slot.acquire()
    finally:
        _count(-1)
    try:
        with _limiter.slot():
            return original(func, event, request)
    finally:
        slot.release()


@replaces(sqs, "_receive_messages_for_esm", has="queue_url")
def leave_messages_queued_while_functions_wait(original: Function, *args: Any) -> Any:
    """Leave messages in their queue while many invocations wait. AWS would run them all.

    A thousand executions at once would each wait for a process longer than the timeouts of their
    states. So only a few are started at a time.
    """
    return [] if _waiting >= MOST_WAITING else original(*args)


def _count(change: int) -> None:
    """Count the waiting invocations; wake the pollers of queues once few are waiting."""
    global _waiting  # noqa: PLW0603 - one counter for the whole emulator
    with _slots_lock:
        _waiting += change
        has_room = change < 0 and _waiting == MOST_WAITING - 1
    if has_room:
        lambda_svc.esm_wake.set()


@Patch
def end_idle_workers() -> None:
    """End every process that was idle for `LAMBDA_WARM_TTL_SECONDS` (300).

    ministack never ends the last process of a function.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (shutdown)
    """

    def forever() -> None:
        while True:
            time.sleep(min(30.0, runtime._LOCAL_WORKER_TTL / 2))
            runtime.kill_workers(_take_idle_workers())

    rely_on(runtime, "reap_idle_workers", has="i == 0 and not snapstart")
    threading.Thread(target=forever, daemon=True, name="darkroom-idle-workers").start()


def _take_idle_workers() -> list[Any]:
    """Remove the idle workers from ministack's pools, so that no invocation uses them."""
    oldest = time.time() - runtime._LOCAL_WORKER_TTL
    idle = []
    with runtime._lock:
        for pool in runtime._workers.values():
            gone = [w for w in pool if not w.in_use and w.last_used < oldest]
            pool[:] = [w for w in pool if w not in gone]
            idle += gone
    return idle
