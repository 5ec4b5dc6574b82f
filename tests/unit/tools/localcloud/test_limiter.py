"""Who works at a time in the local cloud."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tools.localcloud.emulator.turns import Turns

NEVER = 3600.0
DEADLINE = 60


def test_no_more_work_at_a_time_than_may() -> None:
    turns = Turns(2, NEVER)
    working, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal working, most
        with turns.turn():
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


def test_who_takes_long_lets_another_in() -> None:
    turns = Turns(1, 0.05)

    def wait_for_another() -> bool:
        with turns.turn():
            return came.wait(DEADLINE)

    came = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_another)
        with turns.turn():
            came.set()

        assert waiting.result()


def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns(1, NEVER)
    for _ in range(3):
        with suppress(ZeroDivisionError), turns.turn():
            divmod(1, 0)
