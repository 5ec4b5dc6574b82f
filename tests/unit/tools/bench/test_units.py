"""The units that AWS bills: the size of an item, and the cost of its change in each index."""

import pytest

from tools.bench.billing.units import (
    Index,
    item_bytes,
    message_units,
    read_units,
    table_of,
    write_units,
)

KEYS = {"id": {"S": "x"}, "owner": {"S": "o"}}
BY_OWNER = {"by-owner": Index(keys=("owner",), projected=None)}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "gray"}, 4),
        ({"S": "grün"}, 5),
        ({"N": "1"}, 2),
        ({"N": "1798205505"}, 6),
        ({"N": "-12.5"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"M": {}}, 3),
        ({"M": {"a": {"S": "bc"}}}, 3 + 1 + 2 + 1),
        ({"L": [{"S": "bc"}]}, 3 + 2 + 1),
    ],
)
def test_an_item_weighs_its_names_and_its_values(value: dict, size: int):
    assert item_bytes({"name": value}) == 4 + size


def test_a_value_of_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="SS"):
        item_bytes({"name": {"SS": ["a"]}})


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1024, 1), (1025, 2), (3000, 3)])
def test_a_write_costs_a_unit_for_each_kilobyte_that_it_begins(size: int, units: int):
    item = {"a": {"S": "x" * (size - 1)}}

    assert write_units({}, item, {}) == {"table": units}
    assert write_units(item, {}, {}) == {"table": units}


def test_a_change_costs_as_much_as_the_larger_item():
    small, large = {"a": {"S": "x"}}, {"a": {"S": "x" * 2000}}

    assert write_units(small, large, {}) == write_units(large, small, {}) == {"table": 2}


def test_an_index_costs_nothing_where_it_does_not_see_the_change():
    only_keys = {"by-owner": Index(("owner",), frozenset({"id", "owner"}))}

    changed = write_units(KEYS, {**KEYS, "status": {"S": "RUNNING"}}, only_keys)

    assert changed == {"table": 1, "by-owner": 0}


def test_an_index_of_everything_costs_as_much_as_the_table():
    changed = write_units(KEYS, {**KEYS, "status": {"S": "RUNNING"}}, BY_OWNER)

    assert changed == {"table": 1, "by-owner": 1}


def test_a_change_of_an_indexs_key_is_a_delete_and_a_put():
    assert write_units(KEYS, {**KEYS, "owner": {"S": "p"}}, BY_OWNER)["by-owner"] == 2


def test_an_item_without_the_key_is_in_no_index():
    alone = {"id": {"S": "x"}}

    assert write_units({}, alone, BY_OWNER)["by-owner"] == 0
    assert write_units(KEYS, alone, BY_OWNER)["by-owner"] == 1


def test_a_consistent_read_costs_twice_the_other():
    item = {"a": {"S": "x" * 5000}}

    assert read_units([item], consistent=True) == 2
    assert read_units([item], consistent=False) == 1
    assert read_units([], consistent=False) == 0.5


@pytest.mark.parametrize(("size", "units"), [(0, 1), (65536, 1), (65537, 2)])
def test_a_message_is_billed_in_units_of_64_kb(size: int, units: int):
    assert message_units(size) == units


def test_the_indexes_of_a_table_are_read_from_its_description():
    def index(name: str, **projection: object) -> dict:
        keys = [{"AttributeName": "owner", "KeyType": "HASH"}]
        return {"IndexName": name, "KeySchema": keys, "Projection": projection}

    found = table_of(
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                index("all", ProjectionType="ALL"),
                index("keys", ProjectionType="KEYS_ONLY"),
                index("some", ProjectionType="INCLUDE", NonKeyAttributes=["status"]),
            ],
        }
    )

    assert found == {
        "all": Index(("owner",), None),
        "keys": Index(("owner",), frozenset({"id", "owner"})),
        "some": Index(("owner",), frozenset({"id", "owner", "status"})),
    }
