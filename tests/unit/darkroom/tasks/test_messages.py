import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.tasks.messages import NotATask, read_order
from darkroom.tasks.model import order

ITEM = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "owner": "me",
    "attempt": 1,
    "status": "PENDING",
    "updatedAt": "2026-11-25T00:00:00.000Z",
    "source": {"imageUrl": "https://example.com/ä.jpg"},
    "output": {"format": "auto", "quality": 90},
}


def test_an_order_is_read_as_it_was_written() -> None:
    assert read_order(json.dumps(order(ITEM))) == order(ITEM)


def test_an_order_contains_nothing_that_changes_during_the_attempt() -> None:
    later = {**ITEM, "status": "RUNNING", "updatedAt": "2026-11-26T00:00:00.000Z", "owner": "you"}

    assert order(later) == order(ITEM)
    assert set(order(ITEM)) == {"taskId", "attempt", "source", "output"}


@pytest.mark.parametrize("field", ["taskId", "attempt", "source", "output"])
@pytest.mark.parametrize("value", [None, [], 1.5, True])
def test_a_field_of_the_wrong_type_is_named(field: str, value: Any) -> None:
    with pytest.raises(
        NotATask, match=f"field {field} of the message is missing or has the wrong type"
    ):
        read_order(json.dumps({**order(ITEM), field: value}))


@pytest.mark.parametrize("task_id", ["", "x", "5B0C2F9E-6C1C-4F0E-9D5E-2F1F4A3B7C8D", "a" * 300])
def test_an_invalid_task_id_is_reported_at_once(task_id: str) -> None:
    with pytest.raises(NotATask, match="not the id of a task"):
        read_order(json.dumps({**order(ITEM), "taskId": task_id}))


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)
)
def test_every_message_is_an_order_or_is_refused(body: str) -> None:
    try:
        read = read_order(body)
    except NotATask:
        return
    assert {"taskId", "attempt", "source", "output"} <= read.keys()
