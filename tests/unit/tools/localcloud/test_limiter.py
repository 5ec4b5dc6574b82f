"""How many invocations work at once in the local cloud."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tools.localcloud.emulator.limiter import Limiter

NEVER = 3600.0
DEADLINE = 60


def test_no_more_threads_work_at_once_than_allowed() -> None:
    limiter = Limiter(2, NEVER)
    working, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal working, most
        with limiter.slot(""):
            with lock:
                working += 1
                most = max(most, working)
            both.wait(DEADLINE)
            with lock:
                working -= 1

    both = threading.Barrier(2)  # each waits for another that works at the same time
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(20)))

    assert most == 2


def test_a_thread_that_takes_long_lets_another_in() -> None:
    limiter = Limiter(1, 0.05)

    def wait_for_another() -> bool:
        with limiter.slot(""):
            return came.wait(DEADLINE)

    came = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_another)
        with limiter.slot(""):
            came.set()

        assert waiting.result()


def test_an_error_frees_the_slot() -> None:
    limiter = Limiter(1, NEVER)
    for _ in range(3):
        with suppress(ZeroDivisionError), limiter.slot(""):
            divmod(1, 0)


def test_of_the_groups_that_wait_the_one_with_the_fewest_at_work_is_next() -> None:
    limiter = Limiter(2, NEVER)
    order: list[str] = []
    release = [threading.Event() for _ in range(2)]

    def hold(number: int) -> None:
        with limiter.slot("busy"):
            release[number].wait(DEADLINE)

    def work(group: str) -> None:
        with limiter.slot(group):
            order.append(group)

    with ThreadPoolExecutor(6) as pool:
        holding = [pool.submit(hold, number) for number in range(2)]
        until(lambda: limiter.waiting == 0 and limiter.working == 2)
        for number, group in enumerate(["busy", "busy", "quiet"], start=1):
            pool.submit(work, group)
            until(lambda number=number: limiter.waiting == number)
        release[0].set()
        until(lambda: len(order) == 3)
        release[1].set()

    assert all(each.done() for each in holding)
    assert order == ["quiet", "busy", "busy"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
