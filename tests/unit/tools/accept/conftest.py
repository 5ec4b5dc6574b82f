"""A stack of AWS for the acceptance test, which contains only what a test creates."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tools.accept.subject import Subject

OUTPUTS = {
    "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:TaskStateMachine-1A",
    "FunctionLogGroup": "/aws/lambda/darkroom-dev",
}
PARAMETERS = {
    "WorkflowType": "STANDARD",
    "MaxPixels": "1000",
    "MaxSourceBytes": "5000",
    "AllowPrivateSources": "false",
    "Release": "a1b2c3d4e5",
}
MakeSubject = Callable[..., Subject]


@pytest.fixture
def make_subject() -> MakeSubject:
    """Make a subject; `clients` are the AWS clients of its stack by service."""

    def make(
        clients: dict[str, Any] | None = None, *, local: bool = False, **changes: Any
    ) -> Subject:
        stack: Any = SimpleNamespace(
            stack_name="darkroom-dev",
            api_url="https://api.example.com/v1",
            endpoint_url="http://127.0.0.1:4599" if local else None,
            is_local=local,
            outputs=OUTPUTS,
            client=lambda service: (clients or {})[service],
        )
        settings: dict[str, Any] = {
            "client": None,
            "http": None,
            "stage": "dev",
            "parameters": PARAMETERS,
            **changes,
        }
        return Subject(stack, **settings)

    return make
