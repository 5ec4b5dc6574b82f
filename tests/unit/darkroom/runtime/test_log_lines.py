import json
from typing import Any

import pytest

from darkroom.runtime.log_lines import about, of_attempt


def logged(second: int, message: str, **more: Any) -> str:
    line = {
        "level": "INFO",
        "message": message,
        "timestamp": f"2026-11-25T04:26:{second:02}.612+00:00",
        "correlation_id": "t1",
    }
    return json.dumps(line | more)


LINES = [
    logged(1, "accepted", attempt=1),
    logged(2, "failed", attempt=1),
    logged(3, "event published"),
    logged(4, "accepted", attempt=2),
    logged(5, "event published"),
    logged(6, "a late line", attempt=1),
    logged(7, "delivered"),
    logged(8, "accepted", attempt=3),
]


@pytest.mark.parametrize(
    ("attempt", "messages"),
    [
        (1, ["accepted", "failed", "event published", "a late line"]),
        (2, ["accepted", "event published", "delivered"]),
        (3, ["accepted"]),
    ],
)
def test_a_line_without_an_attempt_belongs_to_the_latest_one_before_it(
    attempt: int, messages: list[str]
) -> None:
    found = of_attempt(about("t1", reversed(LINES)), attempt)

    assert [line.message for line in found] == messages
