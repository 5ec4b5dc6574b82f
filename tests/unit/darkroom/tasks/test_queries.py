import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.tasks import queries as index_module
from darkroom.tasks import store as store_module
from darkroom.tasks.queries import InvalidCursor, TaskIndex, _start_key
from darkroom.tasks.store import TaskStore
from tests.support.fakes.aws import STARTED

NEW = {"source": {"imageUrl": "https://example.com/a.jpg"}, "output": {"quality": 90}}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create every task a second after the previous one."""
    seconds = iter(range(1000))

    def timestamp() -> str:
        minute, second = divmod(next(seconds), 60)
        return f"2026-11-25T00:{minute:02}:{second:02}.000Z"

    monkeypatch.setattr(store_module, "timestamp", timestamp)


def put(store: TaskStore, *ids: str, owner: str = "me", **attributes: Any) -> None:
    for task_id in ids:
        store.create(task_id, owner, {**NEW, **attributes})


def pages(index: TaskIndex, owner: str = "me", **query: Any) -> list[list[str]]:
    found, cursor = [], None
    for _ in range(50):
        items, cursor = index.of_owner(owner, cursor=cursor, **query)
        found.append([item["taskId"] for item in items])
        if cursor is None:
            return found
    pytest.fail("the list does not end")


def test_the_newest_task_comes_first(index: TaskIndex, store: TaskStore) -> None:
    put(store, "a", "b", "c")

    assert pages(index, limit=10) == [["c", "b", "a"]]


def test_an_empty_list_has_no_remainder(index: TaskIndex) -> None:
    assert index.of_owner("me", limit=10) == ([], None)


def test_only_the_owners_tasks_are_listed(index: TaskIndex, store: TaskStore) -> None:
    put(store, "mine")
    put(store, "theirs", owner="they")

    assert pages(index, limit=10) == [["mine"]]


def test_pages_contain_every_task_once(index: TaskIndex, store: TaskStore) -> None:
    put(store, "a", "b", "c", "d", "e")

    found = pages(index, limit=2)

    assert [task for page in found for task in page] == ["e", "d", "c", "b", "a"]
    assert all(len(page) <= 2 for page in found)


def test_numbers_come_back_as_int(index: TaskIndex, store: TaskStore) -> None:
    put(store, "a")

    [item], _ = index.of_owner("me", limit=1)

    assert [type(item["attempt"]), type(item["output"]["quality"])] == [int, int]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_filters_leave_only_what_was_asked_for(
    index: TaskIndex, store: TaskStore, limit: int
) -> None:
    put(store, "a", "b", "c", name="cat")
    put(store, "d", name="dog")
    put(store, "e")
    store.start("b", 1, "arn:execution", STARTED)
    store.start("d", 1, "arn:execution", STARTED)

    def listed(**filters: str) -> list[str]:
        return [task for page in pages(index, limit=limit, **filters) for task in page]

    assert listed(name="cat") == ["c", "b", "a"]
    assert listed(status="RUNNING") == ["d", "b"]
    assert listed(name="cat", status="RUNNING") == ["b"]
    assert listed(name="cow") == []


def test_a_filter_with_few_matches_reads_a_bounded_part_and_continues(
    index: TaskIndex, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "PAGES_PER_LIST", 1)
    put(store, "needle", name="needle")
    put(store, *(f"hay-{n:03}" for n in range(250)))

    items, cursor = index.of_owner("me", limit=5, name="needle")
    assert items == []
    assert cursor is not None
    items, cursor = index.of_owner("me", limit=5, name="needle", cursor=cursor)

    assert [item["taskId"] for item in items] == ["needle"]
    assert cursor is None


def test_a_cursor_stays_where_it_is_while_tasks_arrive(index: TaskIndex, store: TaskStore) -> None:
    put(store, "a", "b", "c", "d")
    first, cursor = index.of_owner("me", limit=2)

    put(store, "e", "f")
    second, rest = index.of_owner("me", limit=2, cursor=cursor)

    assert [item["taskId"] for item in first + second] == ["d", "c", "b", "a"]
    assert rest is None or index.of_owner("me", limit=2, cursor=rest) == ([], None)


def test_a_cursor_stays_valid_when_its_task_is_deleted(
    index: TaskIndex, store: TaskStore, table: Any
) -> None:
    put(store, "a", "b", "c")
    _, cursor = index.of_owner("me", limit=2)
    table.delete_item(Key={"taskId": "b"})

    items, _ = index.of_owner("me", limit=2, cursor=cursor)

    assert [item["taskId"] for item in items] == ["a"]


def test_anothers_cursor_only_ever_gives_own_tasks(index: TaskIndex, store: TaskStore) -> None:
    put(store, "mine-1", "mine-2")
    put(store, "theirs-1", "theirs-2", owner="they")
    put(store, "mine-3")
    _, cursor = index.of_owner("they", limit=1)

    items, _ = index.of_owner("me", limit=10, cursor=cursor)

    assert [item["taskId"] for item in items] == ["mine-2", "mine-1"]


# ── Invalid cursors ──────────────────────────────────────────────────────────────────────────────
def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "ä",
        "\ud800",
        "====",
        encoded(None),
        encoded(7),
        encoded([]),
        encoded(["a"]),
        encoded(["a", "b", "c"]),
        encoded(["", "b"]),
        encoded(["a", ""]),
        encoded(["a", 1]),
        encoded([["a"], {"b": 1}]),
        encoded({"a": 1, "b": 2}) + "x",
        encoded(["\ud800", "b"]),
        "W" * 500,
        base64.urlsafe_b64encode(b"[" * 300).decode(),
        base64.urlsafe_b64encode(b"[1" + b"0" * 350).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe[1,2]").decode(),
    ],
)
def test_an_invalid_cursor_of_a_list_is_refused(index: TaskIndex, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        index.of_owner("me", limit=1, cursor=cursor)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=500),
        st.binary(max_size=300).map(lambda b: base64.urlsafe_b64encode(b).decode()),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ).map(encoded),
    )
)
def test_garbage_is_a_cursor_or_refused_but_no_crash(cursor: str) -> None:
    try:
        key = _start_key(cursor, "me")
    except InvalidCursor:
        return
    assert key["owner"] == "me"
    for value in key.values():
        assert isinstance(value, str)
        assert value
        value.encode()


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
@pytest.mark.parametrize("query", [{}, {"name": "cat"}])
def test_what_has_expired_is_left_out_and_the_rest_found(
    index: TaskIndex, store: TaskStore, limit: int, query: dict[str, str]
) -> None:
    put(store, "a", name="cat")
    put(store, "b", "c", "d", name="cat", expiresAt=1)
    put(store, "e", "f", name="cat")
    put(store, "g", "h", name="cat", expiresAt=1)

    found = pages(index, limit=limit, **query)

    assert [task for page in found for task in page] == ["f", "e", "a"]
    assert all(len(page) <= limit for page in found)


def test_a_list_reads_a_bounded_number_of_expired_items(
    index: TaskIndex, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "PAGES_PER_LIST", 2)
    monkeypatch.setattr(index_module, "LARGE_PAGE", 3)
    put(store, "a")
    put(store, "b", "c", "d", "e", "f", expiresAt=1)

    assert pages(index, limit=1) == [[], ["a"]]
