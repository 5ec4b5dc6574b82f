"""What tests of both state machines read in their definitions."""

from typing import Any

THROTTLING = "Lambda.TooManyRequestsException"


def next_states(state: dict[str, Any]) -> list[str]:
    return [
        *([state["Next"]] if "Next" in state else []),
        *(c["Next"] for c in state.get("Catch", [])),
    ]
