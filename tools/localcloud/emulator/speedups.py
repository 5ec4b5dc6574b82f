"""Patches that make ministack faster and change no answer.

`DARKROOM_SPEEDUPS=0` turns all of them off. Set it for `make up` or for the tests;
`tools.localcloud.cloud` passes it to the emulator.

A speedup is only kept if the test suite, `make demo` or the idle latency of a task is at least 5 %
worse without it.
"""

import asyncio
import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from typing import Any

import hypercorn.asyncio
import uvicorn
import uvloop
from ministack import app
from ministack.core import lambda_runtime as runtime
from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import (
    Function,
    ModuleProxy,
    Patch,
    apply_patches,
    rely_on,
    replaces,
)

# The fixed pause that ministack makes before each execution.
START_PAUSE = 0.15
# An expression that only names a field, such as `$states.input.key`.
PATH = re.compile(r"\$states((?:\.[A-Za-z]\w*)+)")
# The most bytes of a function's output that are read at once.
CHUNK = 65536


def apply() -> None:
    """Apply all speedups, before the patches of `fidelity`, unless they are turned off."""
    if os.environ.get("DARKROOM_SPEEDUPS") != "0":
        apply_patches(sys.modules[__name__])


@Patch
def start_without_a_pause() -> None:
    """Skip the pause of 150 ms that ministack makes before each execution."""

    def sleep(seconds: float) -> None:
        if seconds != START_PAUSE:
            time.sleep(seconds)

    rely_on(stepfunctions, "_run_execution", has="time.sleep(0.15)")
    stepfunctions.time = ModuleProxy(time, sleep=sleep)


@replaces(stepfunctions, "_evaluate_jsonata", has='"errorOutput": error_output,')
def follow_paths_without_the_engine(
    original: Function, expression: str, raw_input: Any, *more: Any
) -> Any:
    """Look up a field by its path; use the engine for lists, nulls and missing fields.

    The engine has special rules for those. The execution of a task evaluates 21 expressions, and
    all of them only name a field. The engine, which parses each expression again, needs 3 ms for
    them; following the path takes 0.1 ms.
    """
    path = PATH.fullmatch(expression)
    if path:
        context, result, error = (*more, None, None, None)[:3]
        value: Any = {
            "input": raw_input,
            "result": result,
            "errorOutput": error,
            "context": context,
        }
        for name in path[1].split(".")[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str | int | float | dict):
            return value
    return original(expression, raw_input, *more)


@replaces(runtime.ProvidedWorker, "_pump_output", has="iter(stream.readline")
def read_output_on_the_event_loop(
    _original: Function, worker: Any, stream: Any, lines: Any
) -> None:
    """Read output without a thread for each process and without waiting for it.

    In ministack each invocation waits up to 50 ms for its first line. The output of a function is
    unbuffered, so all of it is in the pipe when the answer arrives, and is read at that moment. The
    event loop also reads it, so that the pipe is never full.
    """
    worker._darkroom_output = Output(stream, lines)


@replaces(runtime.ProvidedWorker, "_join_log_thread", has="thread.join(timeout=1.0)")
def read_the_last_output(original: Function, worker: Any) -> None:
    """Read what a process has written before it ended."""
    original(worker)
    _read(worker)


@replaces(runtime.Worker, "_drain_stderr_bounded", has="first_line_wait")
def read_output_without_waiting(
    _original: Function, worker: Any, *_args: Any, **_kwargs: Any
) -> str:
    """Read the output of an invocation that has just been answered."""
    _read(worker)
    lines: str = worker._drain_stderr()
    return lines


def _read(worker: Any) -> None:
    output = getattr(worker, "_darkroom_output", None)
    if output:
        output.read()


class Output:
    """The output pipe of one process. Its invocation and the event loop both read from it."""

    def __init__(self, stream: Any, lines: Any) -> None:
        """Put the lines of a stream into the queue `lines` until the process ends."""
        self._stream, self._lines, self._rest = stream, lines, b""
        self._reading = threading.Lock()
        os.set_blocking(stream.fileno(), False)
        app._MAIN_LOOP.call_soon_threadsafe(self._watch)

    def _watch(self) -> None:
        app._MAIN_LOOP.add_reader(self._stream.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        if not self.read():
            app._MAIN_LOOP.remove_reader(self._stream.fileno())
            with self._reading:
                self._stream.close()

    def read(self) -> bool:
        """Read what is available; return whether more may follow."""
        with self._reading:
            if self._stream.closed:
                return False
            try:
                while chunk := os.read(self._stream.fileno(), CHUNK):
                    *whole, self._rest = (self._rest + chunk).split(b"\n")
                    self._put(whole)
            except BlockingIOError:
                return True
            self._put([self._rest] if self._rest else [])
            self._rest = b""
            return False

    def _put(self, lines: list[bytes]) -> None:
        for line in lines:
            with contextlib.suppress(queue.Empty):
                if self._lines.full():
                    self._lines.get_nowait()  # drop the oldest: a function must never wait
            self._lines.put_nowait(line.decode(errors="replace").rstrip("\r"))


@replaces(hypercorn.asyncio, "serve", has="worker_serve")
async def serve_with_uvicorn(_original: Function, application: Any, config: Any) -> None:
    """Serve the application of `ministack.app.main` until SIGTERM, with uvicorn's parsers in C.

    hypercorn's are written in Python. A task makes about twenty HTTP requests to the emulator.
    Without this, many tasks at once need 11 % more processor time.
    """
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        http="httptools",
        ws="none",
        lifespan="on",
        timeout_keep_alive=int(config.keep_alive_timeout),
        log_level=config.loglevel.lower(),
        access_log=False,
        proxy_headers=False,
        # ministack sets the headers that AWS sends.
        server_header=False,
        date_header=False,
    )
    await uvicorn.Server(settings).serve()


@Patch
def run_on_uvloop() -> None:
    """Run ministack's event loop with uvloop."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@Patch
def keep_to_one_processor() -> None:
    """Use one processor for the emulator, and all for the functions.

    Only one thread of a process runs Python at a time. If all threads use the same processor, the
    next thread finds its caches filled, and no other processor has to be woken. Without this, a
    single task needs 9 % more processor time. Different local clouds use different processors.
    macOS does not let a process choose.
    """
    if sys.platform != "linux":
        return
    processors = os.sched_getaffinity(0)

    def popen(*arguments: Any, **settings: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(*arguments, **settings)  # noqa: S603 - ministack's arguments
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            os.sched_setaffinity(process.pid, processors)
        return process

    rely_on(runtime.ProvidedWorker, "_spawn", has="subprocess.Popen(")
    runtime.subprocess = ModuleProxy(subprocess, Popen=popen)
    os.sched_setaffinity(0, {sorted(processors)[os.getpid() % len(processors)]})
