"""What a function prints: read when it is needed, and before the pipe is full."""

import contextlib
import os
import queue
import threading
from typing import Any

from ministack.core import lambda_runtime as runtime

from tools.localcloud.emulator.patches.replacing import Function, replace
from tools.localcloud.emulator.patches.runtime_api import loop

PIECE = 65536


def apply() -> None:
    """Apply the patches of this module."""
    read_without_a_thread()
    wait_for_no_log_line()


def read_without_a_thread() -> None:
    """Not a rule of AWS: a thread for each process would read its pipe, line by line."""

    def pump(_original: Function) -> Function:
        def read(self: Any, stream: Any, lines: Any) -> None:
            self._darkroom_output = Output(stream, lines)

        return read

    def join(original: Function) -> Function:
        def after_the_last_line(self: Any) -> None:
            original(self)
            _read(self)

        return after_the_last_line

    replace(runtime.ProvidedWorker, "_pump_output", pump, has="iter(stream.readline")
    replace(runtime.ProvidedWorker, "_join_log_thread", join, has="thread.join(timeout=1.0)")


def wait_for_no_log_line() -> None:
    """Not a rule of AWS: ministack waits 50 ms for a line of a function that logs nothing.

    Its output is unbuffered, so at the answer all of it is in the pipe.
    """

    def drain(_original: Function) -> Function:
        def collect(self: Any, *_args: Any, **_kwargs: Any) -> str:
            _read(self)
            lines: str = self._drain_stderr()
            return lines

        return collect

    replace(runtime.Worker, "_drain_stderr_bounded", drain, has="first_line_wait")


def _read(worker: Any) -> None:
    output = getattr(worker, "_darkroom_output", None)
    if output:
        output.read()


class Output:
    """The pipe of one process, read by whoever comes first: its invocation or the event loop."""

    def __init__(self, stream: Any, lines: Any) -> None:
        """Begin to put what comes into a queue, `lines`, until the process ends."""
        self._stream, self._lines, self._rest = stream, lines, b""
        self._reading = threading.Lock()
        os.set_blocking(stream.fileno(), False)
        loop().call_soon_threadsafe(self._watch)

    def _watch(self) -> None:
        loop().add_reader(self._stream.fileno(), self._readable)

    def _readable(self) -> None:
        """Called by the event loop."""
        if not self.read():
            loop().remove_reader(self._stream.fileno())
            with self._reading:
                self._stream.close()

    def read(self) -> bool:
        """Take what there is; say whether more may come."""
        with self._reading:
            if self._stream.closed:
                return False
            try:
                while piece := os.read(self._stream.fileno(), PIECE):
                    *whole, self._rest = (self._rest + piece).split(b"\n")
                    self._keep(whole)
            except BlockingIOError:
                return True
            self._keep([self._rest] if self._rest else [])
            self._rest = b""
            return False

    def _keep(self, lines: list[bytes]) -> None:
        for line in lines:
            with contextlib.suppress(queue.Empty):
                if self._lines.full():
                    self._lines.get_nowait()  # the oldest; a function must never wait for us
            self._lines.put_nowait(line.decode(errors="replace").rstrip("\r"))
