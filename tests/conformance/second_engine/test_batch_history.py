"""How many events the history of a batch's execution has, on both engines.

Counted: the events of one more page, round, part of a count and throttled call. Extrapolated from
them: the events of two million items and of 14 days. Assumed: the number of tasks that one call
processes.
"""

from collections.abc import Mapping
from itertools import count
from math import inf
from typing import Any

import pytest
from jsonata import Jsonata

from darkroom.batches.manifests import MAX_ITEMS
from darkroom.batches.model import PAGE_SECONDS
from darkroom.batches.task_index import ENTRIES_PER_PAGE
from tests.conformance.second_engine.batch_scenarios import BatchScenario
from tests.conformance.second_engine.machine import BATCHES, definition, functions, run_of_batch
from tests.conformance.second_engine.test_batch_machine import ENGINES
from tests.support.engines.scripted_functions import THROTTLED, Answer, returns

MOST_EVENTS = 25_000
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
FOURTEEN_DAYS = 14 * 86_400

# Assumed, on the slow side. AWS was not measured.
RETRIED_PER_SECOND = 100
"""By one call: ten at a time, with three calls of 30 ms."""
CANCELLED_PER_SECOND = 20
"""By one call: ten at a time. Step Functions throttles the stop, and the SDK waits half a second
before it tries again."""
CALLS_OF_A_COUNT = 2
"""Of two million entries: 240 queries of 1 MB, a second each. One call has 150 s."""
ROUNDS_OF_A_CANCEL = 3
"""The first cancels everything, one that finds some more, and the last finds no open task."""
HOURS_OF_THROTTLING = 12
"""In each of which every call of the function is refused, as often as its retrier tries."""

WAIT, DONE = returns({"next": "wait"}), returns({"next": "done"})
MORE = returns({"next": "count", "cursor": "a"})


def pages(number: int, **last: Any) -> list[Answer]:
    return [returns({"cursor": "a", **last})] * (number - 1) + [returns({"cursor": "", **last})]


def watching(name: str, *answers: Answer) -> BatchScenario:
    return BatchScenario(name, "", [], script={"Watch": [*answers, DONE]})


def retrying(number: int) -> BatchScenario:
    script = {"RetryPage": pages(number)}
    return BatchScenario(f"a retry of {number}", "", [], input={"retry": True}, script=script)


def cancelling(number: int) -> BatchScenario:
    script = {"CancelPage": pages(number, open=0)}
    return BatchScenario(f"a cancel of {number}", "", [], input={"action": "cancel"}, script=script)


PLAIN = watching("no round")
SCENARIOS = {
    "page of a retry": (retrying(2), retrying(3)),
    "page of a cancel": (cancelling(2), cancelling(3)),
    "round": (PLAIN, watching("a round", WAIT)),
    "part of a count": (PLAIN, watching("a part", MORE)),
    "throttled call": (PLAIN, watching("throttled", THROTTLED)),
}
COUNTED = {
    "page of a retry": 7,
    "page of a cancel": 7,
    "round": 9,
    "part of a count": 7,
    "throttled call": 3,
}
WITHOUT = 60
"""More than all other events of a run that ingests, waits, retries, fails and cancels."""


@pytest.fixture(scope="module", params=ENGINES)
def events(request: pytest.FixtureRequest) -> dict[str, int]:
    """The events of each scenario on one engine."""
    scenarios = list({each.name: each for pair in SCENARIOS.values() for each in pair}.values())
    ended = ENGINES[request.param]([run_of_batch(each) for each in scenarios], functions(BATCHES))
    assert {end.status for end in ended} == {"SUCCEEDED"}
    return {each.name: end.events for each, end in zip(scenarios, ended, strict=True)}


@pytest.mark.parametrize("what", COUNTED)
def test_one_more_of_each_adds_these_events(events: Mapping[str, int], what: str):
    less, more = SCENARIOS[what]
    assert events[more.name] - events[less.name] == COUNTED[what]
    assert events[PLAIN.name] < WITHOUT / 2


def pause(age: float) -> float:
    """The seconds that the state Pause waits at this age of the execution, by its expression."""
    text = definition(BATCHES)["States"]["Pause"]["Seconds"].removeprefix("{%").removesuffix("%}")
    bound = {"$millis()": str(round(age * 1000)), "$toMillis": "$number"}
    for name, value in bound.items():
        text = text.replace(name, value)
    context = {"context": {"Execution": {"StartTime": 0}}}
    expression = Jsonata.jsonata(text)
    expression.assign("states", context)
    return float(expression.evaluate(None))


def rounds(seconds: float) -> int:
    """The number of waits of an execution in this time, if its counts took no time."""
    age = 0.0
    for number in count():
        if age >= seconds:
            return number
        age += pause(age)
    raise AssertionError


def events_of_pages(what: str, per_second: float = inf) -> int:
    """The events of the pages for two million tasks. By default, the tasks are only read."""
    return -(-MAX_ITEMS // int(min(ENTRIES_PER_PAGE, per_second * PAGE_SECONDS))) * COUNTED[what]


def events_of_watching(seconds: float) -> int:
    each = COUNTED["round"] + (CALLS_OF_A_COUNT - 1) * COUNTED["part of a count"]
    return rounds(seconds) * each


def events_of_throttling() -> int:
    """An hour of throttling does not use up the tries of its retrier."""
    tries = definition(BATCHES)["States"]["Watch"]["Retry"][0]["MaxAttempts"]
    return HOURS_OF_THROTTLING * tries * COUNTED["throttled call"]


@pytest.mark.parametrize(
    ("age", "seconds"),
    [(0, 2), (8, 2), (60, 15), (120, 30), (1800, 30), (3600, 60), (21_600, 360), (400_000, 3600)],
)
def test_the_end_of_a_small_batch_is_seen_at_once_and_that_of_an_old_one_a_little_late(
    age: int, seconds: int
):
    assert pause(age) == seconds
    assert pause(age) <= max(2, age / 4)


def test_a_run_of_two_million_items_that_waits_for_14_days_and_fails_fits_one_history():
    """All are retried and wait for 14 days. Too many fail, and the others are cancelled."""
    cancel = events_of_pages("page of a cancel", CANCELLED_PER_SECOND)
    cancel += (ROUNDS_OF_A_CANCEL - 1) * events_of_pages("page of a cancel")
    retry = events_of_pages("page of a retry", RETRIED_PER_SECOND)
    watching = events_of_watching(FOURTEEN_DAYS)
    assert WITHOUT + retry + watching + cancel + events_of_throttling() < MOST_EVENTS


def test_a_month_of_waiting_fits_too_if_nothing_else_happens():
    assert WITHOUT + events_of_watching(30 * 86_400) < MOST_EVENTS
