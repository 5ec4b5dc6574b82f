"""How calls are billed: each one is in the units, and none is guessed."""

import json
from typing import Any

import pytest

from tools.bench.billing import billed
from tools.bench.billing.units import Index, Table
from tools.bench.billing.wire import Call
from tools.build import sdk

ACTIVE = {"active": Index(("active",), None)}
TABLES = {
    "tasks": Table("", "taskId", ACTIVE),
    "batches": Table("batches ", "batchId", ACTIVE),
}
ANSWERS = {"Query": {"Items": []}, "BatchGetItem": {"Responses": {}}}
"""What operations answer that answer otherwise than with an item."""


def call(operation: str, sent: Any, got: Any = None, status: int = 200) -> Call:
    service = "dynamodb" if "Item" in operation or operation == "Query" else "other"
    body = json.dumps(got or {}).encode()
    sent = {"TableName": "tasks", **sent} if service == "dynamodb" else sent
    return Call("KEY", service, operation, status, json.dumps(sent).encode(), body)


def item(**attributes: str) -> dict[str, Any]:
    return {"taskId": {"S": "t"}, **{name: {"S": value} for name, value in attributes.items()}}


def test_the_writes_of_a_task_are_followed_from_one_state_to_the_next():
    used = billed.capacity(
        [
            call("PutItem", {"Item": item(active="4")}),
            call("UpdateItem", {"Key": item()}, {"Attributes": item(active="5")}),
            call("UpdateItem", {"Key": item()}, {"Attributes": item()}),
        ],
        TABLES,
    )

    assert used.writes == {"table": 3, "active": 1 + 2 + 1}
    assert used.kept_bytes == len("taskIdt")


def test_a_write_that_is_refused_costs_a_unit_and_changes_nothing():
    used = billed.capacity(
        [
            call("PutItem", {"Item": item(active="4")}),
            call("UpdateItem", {"Key": item()}, {"__type": "…"}, status=400),
        ],
        TABLES,
    )

    assert used.writes == {"table": 2, "active": 1}


def test_the_units_of_two_tables_are_distinguished_although_their_indexes_have_the_same_name():
    batch = {"batchId": {"S": "b"}, "active": {"S": "4"}}

    used = billed.capacity(
        [
            call("PutItem", {"Item": item(active="4")}),
            call("PutItem", {"TableName": "batches", "Item": batch}),
            call("UpdateItem", {"TableName": "batches", "Key": batch}, {"Attributes": batch}),
        ],
        TABLES,
    )

    assert used.writes == {"table": 1, "active": 1, "batches table": 2, "batches active": 1}
    assert used.kept_bytes == 2 * len("taskIdtactive4") + 2 * len("batchIdbactive4")


def test_reads_are_consistent_where_they_ask_to_be():
    used = billed.capacity(
        [
            call("GetItem", {"ConsistentRead": True}, {"Item": item()}),
            call("GetItem", {}, {"Item": item()}),
            call("Query", {}, {"Items": [item(), item()]}),
        ],
        TABLES,
    )

    assert used.reads == 1 + 0.5 + 0.5


def test_the_items_of_a_batch_are_read_one_by_one_and_its_messages_sent_together():
    asked = {"tasks": {"ConsistentRead": True}, "others": {}}
    found = {"tasks": [item(), item()], "others": [item()]}
    read = call("BatchGetItem", {"RequestItems": asked}, {"Responses": found})
    sent = call("SendMessageBatch", {"Entries": [{"MessageBody": "x" * 40_000}] * 2})

    assert billed.capacity([read], TABLES).reads == 2 + 0.5
    assert billed.messages([sent]) == 2


def test_a_call_that_cannot_be_counted_is_an_error_and_not_free():
    with pytest.raises(ValueError, match="BatchWriteItem"):
        billed.capacity([call("BatchWriteItem", {})], TABLES)


def test_every_call_to_the_table_that_functions_may_make_can_be_counted():
    for operation in sdk.OPERATIONS["dynamodb"]:
        write = {"TableName": "tasks", "Key": item()}
        sent = {"Item": item(), "Key": item(), "TransactItems": [{"Delete": write}]}
        answer = ANSWERS.get(operation, {"Item": item()})
        billed.capacity([call(operation, sent, answer)], TABLES)


def test_each_write_of_a_transaction_costs_twice_as_much():
    put = {"Put": {"TableName": "tasks", "Item": item(active="4")}}
    delete = {"Delete": {"TableName": "tasks", "Key": item()}}
    once = billed.capacity([call("PutItem", put["Put"])], TABLES)

    both = billed.capacity(
        [call("TransactWriteItems", {"TransactItems": [one]}) for one in (put, delete)], TABLES
    )

    assert both.writes["table"] == 4 * once.writes["table"]
    assert both.kept_bytes == 0
    refused = call("TransactWriteItems", {"TransactItems": [put]}, status=400)
    assert billed.capacity([refused], TABLES).writes["table"] == 2


def test_messages_and_events_are_counted_by_their_size():
    message = call("SendMessage", {"MessageBody": "x" * 65_537})
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}

    assert billed.messages([message]) == 2
    assert billed.events([call("PutEvents", {"Entries": [entry, entry]}), message]) == 2


def test_logs_are_counted_with_what_lambda_writes_itself_unless_that_is_off():
    lines = ["START RequestId: 1", '{"level":"INFO"}', "END RequestId: 1", "REPORT RequestId: 1"]

    own = billed.log_bytes(lines, platform=False)

    assert own == len('{"level":"INFO"}') + billed.LINE_BYTES
    assert billed.log_bytes(lines, platform=True) > own + 400


def test_calls_are_those_of_the_function_that_signed_them():
    made = billed.by_function([call("PutItem", {}), call("PutItem", {})], {"KEY": "Api"})

    assert made["Api"] == {"dynamodb:PutItem": 2}
    assert not billed.by_function([call("PutItem", {})], {"ANOTHER": "Api"})
