"""Events that EventBridge did not accept, as AWS was recorded to refuse them.

Codes and messages: LocalStack's snapshot tests, `tests/aws/services/events/test_events`, recorded
2025-01-08.
"""

from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.aws.eventbridge import Bus, EventRefused
from darkroom.errors import ServiceUnavailable

ENTRIES = [{"Source": "darkroom", "DetailType": "Task ended", "Detail": "{}"}] * 2
ACCEPTED = {"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"}


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def stub(bus: Bus) -> Any:
    with Stubber(bus._events) as stubber:
        yield stubber


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "InvalidArgument",  # test_put_event_without_detail
            "Parameter Detail is not valid. Reason: Detail is a required argument.",
        ),
        ("MalformedDetail", "Detail is malformed."),  # test_put_event_malformed_detail
    ],
)
def test_an_event_that_eventbridge_will_never_accept_is_refused(
    bus: Bus, stub: Stubber, code: str, message: str
) -> None:
    entries = [ACCEPTED, {"ErrorCode": code, "ErrorMessage": message}]
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": entries})

    with pytest.raises(EventRefused, match=code):
        bus.put(ENTRIES)


def test_a_request_that_eventbridge_will_never_accept_is_refused(bus: Bus, stub: Stubber) -> None:
    """test_put_events_exceed_limit_ten_entries"""
    message = "1 validation error detected: … Member must have length less than or equal to 10"
    stub.add_client_error("put_events", "ValidationException", message)

    with pytest.raises(EventRefused, match="less than or equal to 10"):
        bus.put(ENTRIES)


def test_an_event_that_eventbridge_could_not_take_now_is_to_be_put_again(
    bus: Bus, stub: Stubber
) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html"""
    entries = [ACCEPTED, {"ErrorCode": "InternalFailure", "ErrorMessage": "Try again."}]
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": entries})

    with pytest.raises(ServiceUnavailable, match="InternalFailure"):
        bus.put(ENTRIES)


def test_events_that_are_accepted_are_put_once(bus: Bus, stub: Stubber) -> None:
    stub.add_response(
        "put_events", {"FailedEntryCount": 0, "Entries": [ACCEPTED] * 2}, {"Entries": ENTRIES}
    )

    bus.put(ENTRIES)

    stub.assert_no_pending_responses()
