"""Lambda: how many processes the functions have on a laptop, and what happens while all are busy.

AWS gives each concurrent invocation its own execution environment. Here an environment is a process
on the same few processors. 200 tasks at once started 131 processes and ran at 1 to 3 tasks per
second. With limited workers there are 12 processes and more than 20 tasks per second.

Differences from AWS: docs/aws-differences.md, "Lambda" and "Intended differences".
"""

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator.limiter import Limiter, Places, Slot, Wait
from tools.localcloud.emulator.processor_time import busy_seconds
from tools.localcloud.emulator.replacing import Function, Patch, rely_on, replaces

WORKERS = int(os.environ.get("DARKROOM_WORKERS", "2"))
# The most processes of a function of which all but WORKERS are idle. A process needs about 60 MB.
MOST_PROCESSES = max(16, WORKERS)
# A process is idle if it uses a processor, or waits for one, in less than 5 % of these seconds.
IDLE_SECONDS, IDLE_SHARE = 1.0, 0.05
# Invocations that may wait for a process. Messages count, too, while a function is given them.
MOST_WAITING = 16
# Messages of noisy groups are received in batches, when there is this much room. They leave some of
# it to quiet groups. One by one they would cost an invocation each.
ROOM_FOR_A_BATCH = 12
ROOM_FOR_QUIET = 4

# Invocations that may work at once for each processor, and the seconds for which each one counts.
AT_ONCE = 2
LONGEST = 0.25

waiting: ContextVar[Wait | None] = ContextVar("waiting", default=None)
"""How long the invocation of the current context waits for a process."""
group: ContextVar[str | None] = ContextVar("group", default=None)
"""The message group that an invocation works for. Without one, it forms a separate group."""
only_quiet: ContextVar[bool] = ContextVar("only_quiet", default=False)
"""Whether only messages of quiet groups are received: see `fidelity.fair_queues`."""
_limiter = Limiter(AT_ONCE * (os.cpu_count() or 1), LONGEST)
_places: dict[str, Places] = {}
_place: ContextVar[Slot | None] = ContextVar("place", default=None)
_slots_lock = threading.Lock()
_waiting = 0

# Defaults in seconds: the maximum age of an event, and the longest delay between two attempts.
EVENT_AGE = 21600.0
LONGEST_DELAY = 300.0

# What ministack says of an environment that ended, and what AWS says of one that exited.
EXITED = ("Runtime exited before returning a response", "Runtime exited without providing a reason")
ENDED = (EXITED[0], "Task timed out after ")

# For how many seconds the current invocation is retried while it is throttled.
_retry_seconds: ContextVar[float] = ContextVar("retry_seconds", default=0.0)


@replaces(lambda_svc, "_execute_function_provided_warm", has="acquire_worker")
def limit_the_workers(original: Function, func: dict[str, Any], event: Any, request: str) -> Any:
    """Let an invocation wait while two processes of its function work.

    A process that waits, for example for a slow source, gives way to another one: AWS would not let
    one caller's slow sources delay another caller. So a function has up to 16 processes.

    A waiting invocation counts as a concurrent one, since it would be running on AWS. With
    `LAMBDA_ACCOUNT_CONCURRENCY=10`, the eleventh invocation, running or waiting, is throttled. The
    time limits of the function and of the state that invokes it begin after the wait.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    All functions together also take turns. With a dozen running processes, the others empty the
    processor's caches, and a task needs a tenth more of its time.

    Next is an invocation of the message group with the fewest running ones. So the backlog of one
    caller, which waits for processes here and nowhere in AWS, does not delay another caller.

    A function that invokes itself and waits for the answer could wait for its own process. None of
    our functions does.
    """
    places = _places_of(func.get("config") or func)
    mine = group.get() or request
    turn = ExitStack()
    with turn:
        _count(1)
        try:
            with (waiting.get() or Wait()).measured():
                _place.set(turn.enter_context(places.slot(mine)))
                turn.enter_context(_limiter.slot(mine))
        finally:
            _count(-1)
        return original(func, event, request)


@replaces(runtime.ProvidedWorker, "invoke", has="self._proc is None")
def measure_the_process_of_an_invocation(
    original: Function, worker: Any, *rest: Any, **more: Any
) -> Any:
    """Let `limit_the_workers` see for how long an invocation is busy."""
    if place := _place.get():
        place.busy_seconds = lambda: _busy_seconds(worker)
    return original(worker, *rest, **more)


def _busy_seconds(worker: Any) -> float:
    """Return for how long a worker's process was busy, infinity if it has not started yet."""
    return busy_seconds(worker._proc.pid) if worker._proc else math.inf


def _places_of(config: dict[str, Any]) -> Places:
    """Return the places of a function, which all its versions share."""
    name = lambda_svc._inflight_key(config)
    with _slots_lock:
        if name not in _places:
            _places[name] = Places(WORKERS, MOST_PROCESSES, IDLE_SECONDS, IDLE_SHARE)
        return _places[name]


@replaces(lambda_svc, "_sqs_esm_concurrency", has='.get("MaximumConcurrency")')
def leave_messages_queued_while_their_function_is_busy(
    original: Function, mapping: Any, function: Any, config: dict[str, Any], *rest: Any
) -> int:
    """Let few messages wait for a process of their function. AWS would run all of them.

    A message that was received and waits for a process cannot be overtaken by one of a quieter
    message group.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
    """
    allowed = int(original(mapping, function, config, *rest))
    return min(allowed, _places_of(config).idle() + 2 * WORKERS)


@replaces(sqs, "_receive_messages_for_esm", has="queue_url")
def leave_messages_queued_while_functions_wait(
    original: Function, queue_url: str, most: int
) -> Any:
    """Leave messages in their queue while invocations wait for a process. AWS would run them all.

    A thousand executions at once would each wait for a process longer than the timeouts of their
    states. So only a few are started at a time. While there is no room for a batch, only messages
    of quiet groups are received: see `fidelity.fair_queues`.
    """
    if (room := _room()) <= 0:
        return []
    has_room = room >= ROOM_FOR_A_BATCH
    token = only_quiet.set(not has_room)
    try:
        return original(queue_url, min(most, room - ROOM_FOR_QUIET if has_room else room))
    finally:
        only_quiet.reset(token)


@replaces(lambda_svc, "_dispatch_esm_batch", has="spawn_background(_task")
def count_messages_until_they_are_done(
    original: Function, source: str, run: Function, *args: Any
) -> None:
    """Count the messages of a queue as waiting while a function is given them.

    Otherwise the next ones are received before the executions of these have begun to wait. A
    function that takes one message at a time may work on it for long, and starts nothing.
    """
    if run is not lambda_svc._run_sqs_batch or args[0]["BatchSize"] == 1:
        original(source, run, *args)
        return
    *_, batch, _, _ = args

    def counted(*given: Any) -> None:
        try:
            run(*given)
        finally:
            _count(-len(batch))

    _count(len(batch))
    original(source, counted, *args)


def _room() -> int:
    return MOST_WAITING - _waiting


def _count(change: int) -> None:
    """Count what waits; wake the pollers of queues once there is room for a message or a batch."""
    global _waiting  # noqa: PLW0603 - one counter for the whole emulator
    with _slots_lock:
        before = _room()
        _waiting += change
        after = _room()
    if any(before < room <= after for room in (1, ROOM_FOR_A_BATCH)):
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


@replaces(lambda_svc, "_execute_function", has="_acquire_execution_slot(func, config)")
def retry_while_throttled(original: Function, func: dict[str, Any], event: Any) -> Any:
    """Retry throttled messages and events after 1 s, 2 s, 4 s and so on, up to 5 minutes.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    deadline = time.monotonic() + _retry_seconds.get()
    delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    # ministack calls itself for a function of another account, which must not retry twice.
    with _retrying_for(0.0):
        result = original(func, event)
        while result.get("throttle") and time.monotonic() + delay < deadline:
            time.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            result = original(func, event)
    return result


@replaces(lambda_svc, "_run_sqs_batch", has="(esm, func_rec, event, batch, queue_url, queue_name)")
def retry_a_throttled_message(original: Function, *args: Any) -> Any:
    """Retry a throttled message until its visibility timeout ends. ministack tries it once.

    Each further receive counts: after five throttled receives, a good message would be moved to
    the dead-letter queue.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    *_, queue_url, _ = args
    attributes = (sqs._queues.get(queue_url) or {}).get("attributes", {})
    with _retrying_for(float(attributes.get("VisibilityTimeout", 30))):
        return original(*args)


@replaces(lambda_svc, "invoke_async_with_retry", has="contextvars.copy_context()")
def retry_a_throttled_event(original: Function, func: dict[str, Any], event: Any) -> None:
    """Retry an asynchronous event for up to six hours. ministack drops it after three attempts.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    settings = func.get("event_invoke_config") or {}
    # The thread that ministack starts inherits the context variable.
    with _retrying_for(float(settings.get("MaximumEventAgeInSeconds", EVENT_AGE))):
        original(func, event)


@replaces(runtime.ProvidedWorker, "invoke", has=f'"{EXITED[0]}"')
def name_the_request_that_ended_its_environment(
    original: Function, worker: Any, event: Any, request_id: str, **more: Any
) -> Any:
    """Begin the message of a timeout or an ended process with `RequestId: … Error: `.

    AWS also adds the exit status of a process, if it is not 0. ministack no longer has it.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """
    answer = original(worker, event, request_id, **more)
    payload = answer.get("error_payload")
    if isinstance(payload, dict) and payload.get("errorMessage", "").startswith(ENDED):
        message = payload["errorMessage"].replace(*EXITED)
        payload["errorMessage"] = f"RequestId: {request_id} Error: {message}"
    return answer


@contextmanager
def _retrying_for(seconds: float) -> Iterator[None]:
    token = _retry_seconds.set(seconds)
    try:
        yield
    finally:
        _retry_seconds.reset(token)
