"""The services that the functions of `api/` call, controlled by the test."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.support.api_caller import Api
from tests.support.fakes.dispatch import Dispatch


@pytest.fixture
def dispatch(load: Callable[[str, str], ModuleType]) -> Dispatch:
    """The function that starts executions."""
    return Dispatch(load("api", "dispatch"))


@pytest.fixture
def started(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of Step Functions: ("start", name, input) and ("stop", execution)."""
    calls: list[Any] = []
    machine = type(api.module.views.batch_machine)
    monkeypatch.setattr(machine, "start", lambda _, *call: calls.append(("start", *call)))
    monkeypatch.setattr(
        machine, "stop", lambda _, execution, *__: calls.append(("stop", execution))
    )
    return calls
