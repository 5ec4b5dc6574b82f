"""An execution on the local cloud ends as AWS was recorded to end it, by the same events."""

import pytest

from tests.conformance.rows import Row, load
from tests.conformance.runs import Runs

ROWS = load()


def compared(aspect: str) -> list[object]:
    """The rows that have expectations for an aspect; a known difference must appear."""
    return [
        pytest.param(
            row,
            id=row.name.replace(" ", "_"),
            marks=[known(row.differs[aspect])] if aspect in row.differs else [],
        )
        for row in ROWS
        if getattr(row, aspect)
    ]


def known(difference: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(reason=difference, raises=AssertionError, strict=True)


@pytest.mark.parametrize("row", compared("end"))
def test_the_end_is_as_recorded(runs: Runs, row: Row):
    assert runs.end(row) == row.end, row.source


@pytest.mark.parametrize("row", compared("events"))
def test_the_events_are_as_recorded(runs: Runs, row: Row):
    types = [event["type"] for event in runs.events(row)]

    assert types == row.events.split(), row.source


@pytest.mark.parametrize("row", compared("details"))
def test_the_details_of_an_event_are_as_recorded(runs: Runs, row: Row):
    found = {}
    for event in reversed(runs.events(row)):
        [details] = [value for key, value in event.items() if key.endswith("EventDetails")] or [{}]
        found[event["type"]] = details

    assert {kind: found.get(kind) for kind in row.details} == row.details, row.source
