"""The messages that are sent to a queue, and their message groups."""

import json
from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from darkroom.aws.sqs import Queue

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/tasks"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return Queue(URL)


@pytest.fixture
def sqs(queue: Queue) -> Iterator[Stubber]:
    with Stubber(queue._sqs) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_an_order_is_sent_in_its_message_group(queue: Queue, sqs: Stubber) -> None:
    sent = {"QueueUrl": URL, "MessageBody": '{"attempt":1}', "MessageGroupId": "me"}
    sqs.add_response("send_message", {}, sent)

    queue.send({"attempt": 1}, "me")


def test_each_order_of_a_request_has_its_own_message_group(queue: Queue, sqs: Stubber) -> None:
    orders, groups = [{"attempt": n} for n in range(3)], ["me", "another", "me/batch"]
    entries = [
        {
            "Id": str(n),
            "MessageBody": json.dumps(order, separators=(",", ":")),
            "MessageGroupId": groups[n],
        }
        for n, order in enumerate(orders)
    ]
    failed = [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]
    answer = {"Successful": [], "Failed": failed}
    sqs.add_response("send_message_batch", answer, {"QueueUrl": URL, "Entries": entries})

    assert queue.send_many(orders, groups) == 1


def test_orders_and_groups_must_match(queue: Queue) -> None:
    with pytest.raises(ValueError, match="shorter"):
        queue.send_many([{"attempt": 1}, {"attempt": 2}], ["me"])
