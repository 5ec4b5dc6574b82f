"""Several requests at once, which Ctrl-C can interrupt."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

GRACE_SECONDS = 2.0
"""How long requests that have been sent may take to be answered after Ctrl-C."""


class Workers(ThreadPoolExecutor):
    """Threads. At the end of a `with` block they have done everything.

    If the block raises an exception, what has not begun is cancelled, and what has begun ends. If
    Ctrl-C interrupts the block, or waiting at its end, what has begun has only `GRACE_SECONDS`:
    without them the answers of requests that have arrived would be lost. It may then continue in
    the background until the process ends.
    """

    def __init__(self, at_once: int) -> None:
        """Store the number of threads."""
        super().__init__(at_once)
        self._futures: list[Future[Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Let a thread call a function."""
        future = super().submit(work, *args, **kwargs)
        self._futures.append(future)
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the threads, or abandon them."""
        if kind and not issubclass(kind, Exception):
            self._abandon()
            return
        try:
            if kind is None:
                wait(self._futures)
            self.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            self._abandon()
            raise

    def _abandon(self) -> None:
        self.shutdown(wait=False, cancel_futures=True)
        wait([future for future in self._futures if not future.cancelled()], GRACE_SECONDS)
