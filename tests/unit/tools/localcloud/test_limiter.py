"""How many invocations run at the same time in the local cloud."""

import itertools
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.support.cloud.stacks import until
from tools.localcloud.emulator.limiter import Limiter, Places
from tools.localcloud.emulator.processor_time import by_ps, processor_seconds, waited_seconds

NEVER = 3600.0
DEADLINE = 60


def nothing() -> float:
    """The busy time of a process that only waits."""
    return 7.0


def working() -> Callable[[], float]:
    """The busy time of a process that works all the time."""
    return map(float, itertools.count()).__next__


class Held:
    """Invocations that each hold their place until they are released."""

    def __init__(self, places: Places, busy: Callable[[], float]) -> None:
        self.running = 0
        self._places, self._busy = places, busy
        self._go = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        self._threads += [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads[-count:]:
            thread.start()

    def _run(self) -> None:
        with self._places.slot("any") as place:
            place.busy_seconds = self._busy
            self.running += 1
            self._go.wait(DEADLINE)

    def release(self) -> None:
        self._go.set()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


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


def test_the_waiting_group_with_the_fewest_running_is_next() -> None:
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
        until(lambda: limiter.waiting == 0 and limiter.working == 2, DEADLINE, "two work")
        for number, group in enumerate(["busy", "busy", "quiet"], start=1):
            pool.submit(work, group)
            until(lambda number=number: limiter.waiting == number, DEADLINE, "it waits")
        release[0].set()
        until(lambda: len(order) == 3, DEADLINE, "all have worked")
        release[1].set()

    assert all(each.done() for each in holding)
    assert order == ["quiet", "busy", "busy"]


def test_an_idle_invocation_frees_its_slot_up_to_a_limit() -> None:
    places = Places(working=2, most=5, between_checks=0.01, share=0.05)
    held = Held(places, nothing)
    held.start(8)

    until(lambda: held.running == places.idle() == 5, DEADLINE, "five have a place")
    held.release()
    assert places.idle() == 0
    assert held.running == 8


def test_a_working_invocation_keeps_its_slot() -> None:
    places = Places(working=2, most=5, between_checks=0.01, share=0.05)
    work = Mock(side_effect=working())
    held = Held(places, work)
    held.start(4)

    until(lambda: work.call_count > 20, DEADLINE, "both were checked several times")
    assert held.running == 2
    held.release()
    assert held.running == 4


def test_an_invocation_that_starts_between_two_checks_is_not_idle_at_the_first() -> None:
    places = Places(working=1, most=5, between_checks=0.2, share=0.05)
    work = Mock(side_effect=working())
    idle, busy = Held(places, nothing), Held(places, work)
    idle.start(1)
    busy.start(3)

    until(lambda: work.call_count > 5, DEADLINE, "one works, and was checked several times")
    assert (idle.running, busy.running) == (1, 1)
    idle.release()
    busy.release()
    assert busy.running == 3


def test_an_invocation_whose_process_has_not_started_is_not_idle() -> None:
    unknown = Mock(return_value=math.inf)
    held = Held(Places(working=1, most=5, between_checks=0.01, share=0.05), unknown)
    held.start(2)

    until(lambda: unknown.call_count > 5, DEADLINE, "it was checked several times")
    assert held.running == 1
    held.release()


def test_invocations_are_not_checked_while_no_other_waits() -> None:
    check = Mock(return_value=0.0)
    held = Held(Places(working=2, most=5, between_checks=0.0, share=0.05), check)
    held.start(2)
    until(lambda: held.running == 2, DEADLINE, "both have a place")
    held.release()
    assert not check.called


READERS = [
    processor_seconds,
    pytest.param(by_ps, marks=pytest.mark.skipif(not shutil.which("ps"), reason="needs ps")),
]


@pytest.mark.parametrize("read", READERS)
def test_the_processor_time_of_a_process_is_measured(read: Callable[[int], float]) -> None:
    before = read(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 1.1:
        sum(range(10_000))

    assert read(os.getpid()) - before >= 1


@pytest.mark.parametrize("read", READERS)
def test_a_process_that_has_ended_has_no_processor_time(read: Callable[[int], float]) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(DEADLINE)
    assert read(process.pid) == math.inf


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell")
def test_a_process_with_work_that_gets_no_processor_waits() -> None:
    command = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
    both = [subprocess.Popen([sys.executable, "-c", command]) for _ in range(2)]
    try:
        until(lambda: all(waited_seconds(each.pid) > 0.2 for each in both), DEADLINE, "both wait")
    finally:
        for each in both:
            each.kill()
            each.wait(DEADLINE)

    assert waited_seconds(both[0].pid) == math.inf
