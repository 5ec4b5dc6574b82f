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
from ministack.services import lambda_svc

from local.emulator.patches.replacing import Function, replace

WORKERS = int(os.environ.get("DARKROOM_WORKERS", "2"))

_slots: dict[str, threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()


def apply() -> None:
    """Apply the patches of this module."""
    bound_the_workers()
    end_idle_workers()


def bound_the_workers() -> None:
    """Let an invocation wait while its function has all its processes busy.

    The wait is inside ministack's accounting of concurrency, so what waits counts as in flight,
    as it would on AWS where it ran: with `LAMBDA_ACCOUNT_CONCURRENCY=10` the eleventh invocation,
    running or waiting, is throttled. The function's timeout begins after the wait.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    A function that invoked itself and waited for the answer could wait for its own process. None
    of ours does.
    """

    def bounded(original: Function) -> Function:
        def run(func: dict[str, Any], event: Any, request_id: str) -> Any:
            name = lambda_svc._inflight_key(func.get("config") or func)
            with _slots_lock:
                slot = _slots.setdefault(name, threading.BoundedSemaphore(WORKERS))
            with slot:
                return original(func, event, request_id)

        return run

    replace(lambda_svc, "_execute_function_provided_warm", bounded, has="acquire_worker")


def end_idle_workers() -> None:
    """End every idle process in the end; ministack keeps one per function for ever.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (shutdown)
    """

    def reap(_original: Function) -> Function:
        def end_idle(ttl: float | None = None) -> int:
            oldest = time.time() - (runtime._LOCAL_WORKER_TTL if ttl is None else ttl)
            idle = []
            with runtime._lock:
                for key, workers in list(runtime._workers.items()):
                    idle += [w for w in workers if not w.in_use and w.last_used < oldest]
                    busy = [w for w in workers if w.in_use or w.last_used >= oldest]
                    if busy:
                        runtime._workers[key] = busy
                    else:
                        del runtime._workers[key]
            runtime.kill_workers(idle)
            return len(idle)

        return end_idle

    replace(runtime, "reap_idle_workers", reap, has="i == 0")
    # lambda_svc has taken the name for itself.
    if not hasattr(lambda_svc, "reap_idle_workers"):
        raise AssertionError("lambda_svc.reap_idle_workers is gone")
    lambda_svc.reap_idle_workers = runtime.reap_idle_workers
