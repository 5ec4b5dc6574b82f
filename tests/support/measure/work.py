"""The time and memory of a function in the process of the test."""

import time
import tracemalloc
from collections.abc import Callable


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time. The network and other processes do not matter."""
    started = time.process_time()
    work()
    return time.process_time() - started


def most_bytes(work: Callable[[], object]) -> int:
    """Return the peak of allocated memory in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
