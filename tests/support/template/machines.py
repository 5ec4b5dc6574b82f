"""Helpers to read the definitions of both state machines."""

from typing import Any

THROTTLING = "Lambda.TooManyRequestsException"


def next_states(state: dict[str, Any]) -> list[str]:
    return [
        *([state["Next"]] if "Next" in state else []),
        *([state["Default"]] if "Default" in state else []),
        *(rule["Next"] for kind in ("Catch", "Choices") for rule in state.get(kind, [])),
    ]
