"""The rules of the simulation, each compared with a known result."""

from dataclasses import replace

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from tools.bench.scale.queue import Messages, Queue
from tools.bench.scale.rules import Concurrency, TokenBucket


@pytest.fixture
def env() -> simpy.Environment:
    return simpy.Environment()


def test_a_bucket_gives_its_tokens_and_then_what_is_refilled(env: simpy.Environment):
    bucket = TokenBucket(env, size=1_300, rate=300)

    assert bucket.take(2_000) == 1_300
    assert bucket.take(1) == 0
    env.run(0.5)
    assert bucket.take(2_000) == 150
    env.run(100)
    assert bucket.take(2_000) == 1_300  # never more than it holds


@given(
    size=st.integers(1, 2_000),
    rate=st.integers(1, 500),
    asks=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50)), max_size=50),
)
def test_a_bucket_never_gives_more_than_its_size_and_its_rate(
    size: int, rate: int, asks: list[tuple[int, int]]
):
    env = simpy.Environment()
    bucket = TokenBucket(env, size, rate)
    given_out = 0
    for pause, wanted in asks:
        if pause:
            env.run(env.now + pause)
        before = given_out
        given_out += bucket.take(wanted)
        assert given_out <= size + rate * env.now
        assert given_out - before <= wanted


def test_who_waits_for_tokens_waits_as_long_as_they_take_to_come(env: simpy.Environment):
    bucket = TokenBucket(env, size=10, rate=5)

    assert bucket.wait(10) == 0
    assert bucket.wait(5) == pytest.approx(1)
    assert bucket.wait(5) == pytest.approx(2)
    env.run(2)
    assert bucket.wait(1) == pytest.approx(0.2)


def test_functions_beyond_the_quota_are_throttled_until_others_end(env: simpy.Environment):
    functions = Concurrency(env, limit=10)

    assert functions.enter(8, seconds=2) == 8
    assert functions.enter(8, seconds=1) == 2
    assert functions.running == 10
    env.run(1)
    assert functions.running == 8
    env.run(2)
    assert functions.running == 0


def test_an_environment_answers_ten_requests_a_second_at_most(env: simpy.Environment):
    functions = Concurrency(env, limit=10)
    answered = 0
    for tick in range(100):
        env.run(max((tick + 1) / 100, env.now + 1e-9))
        answered += functions.enter(10, seconds=0.001)

    assert answered == 100


def test_functions_that_are_held_end_when_they_are_released(env: simpy.Environment):
    functions = Concurrency(env, limit=1)

    assert functions.hold()
    assert not functions.hold()
    assert functions.enter(1, seconds=1) == 0
    functions.release()
    assert functions.enter(1, seconds=1) == 1


@pytest.mark.parametrize(("fair", "first"), [(True, "quiet"), (False, "noisy")])
def test_a_fair_queue_delivers_the_message_of_a_quiet_group_first(
    env: simpy.Environment, fair: bool, first: str
):
    queue = Queue(env, fair=fair)
    for _ in range(20):
        queue.send(Messages("noisy", env.now, 10))
    for _ in range(4):
        assert sum(messages.count for messages in queue.receive(10)) == 10
    queue.send(Messages("quiet", env.now + 1, 1))

    assert queue.receive(10)[0].group == first
    assert queue.messages == 201


def test_messages_that_reappear_count_their_receives(env: simpy.Environment):
    queue = Queue(env, fair=True)
    queue.send(Messages("me", 0, 3))
    [received] = queue.receive(2)
    queue.reappear(received, 1)
    queue.delete(replace(received, count=1), 1)

    assert sorted((m.count, m.receives) for m in queue.receive(10)) == [(1, 1), (2, 2)]
    assert queue.messages == 2
