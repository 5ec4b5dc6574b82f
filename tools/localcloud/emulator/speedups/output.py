"""Reads the output of functions on the event loop, and only as long as necessary."""

import contextlib
import os
import queue
import threading
from typing import Any

from ministack import app
from ministack.core import lambda_runtime as runtime

from tools.localcloud.emulator.replacing import Function, replaces

CHUNK = 65536


@replaces(runtime.ProvidedWorker, "_pump_output", has="iter(stream.readline")
def read_output_on_the_event_loop(
    _original: Function, worker: Any, stream: Any, lines: Any
) -> None:
    """Read output without a thread for each process and without waiting for it.

    In ministack each invocation waits up to 50 ms for its first line. The output of a function is
    unbuffered, so all of it is in the pipe when the answer arrives, and is read at that moment. The
    event loop reads it, too, so that the pipe is never full.
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
