"""The time limits of the calls of functions, for the tests of the state machines."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def slowest(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], float]:
    """The seconds that a call of a client may take, with all its tries and the pauses between
    them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    def seconds(client: Any) -> float:
        config = client.meta.config
        tries = config.retries["total_max_attempts"]
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        pauses = sum(2**number for number in range(tries - 1))
        return tries * (config.connect_timeout + config.read_timeout) + pauses

    return seconds
