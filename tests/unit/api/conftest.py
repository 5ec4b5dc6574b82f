"""What the tests of batches ask Step Functions for."""

from typing import Any

import pytest

from tests.support.api_caller import Api


@pytest.fixture
def started(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Step Functions is asked for: ("start", name, input) and ("stop", execution)."""
    calls: list[Any] = []
    machine = type(api.module.batch_machine)
    monkeypatch.setattr(machine, "start", lambda _, *call: calls.append(("start", *call)))
    monkeypatch.setattr(
        machine, "stop", lambda _, execution, *__: calls.append(("stop", execution))
    )
    return calls
