"""What the tests of API actions share: three machines, and how a call is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.rows import Row

WAITING = Row("waits", {"Pause": {"Type": "Wait", "Seconds": 60, "End": True}}, {})
PASSING = Row("passes", {"Only": {"Type": "Pass", "Output": {"a": 1}, "End": True}}, {})
FAILING = Row(
    "fails", {"Only": {"Type": "Fail", "Error": "SourceGone", "Cause": "It is gone."}}, {}
)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]
