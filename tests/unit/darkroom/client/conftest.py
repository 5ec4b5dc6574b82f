from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from darkroom.client import Darkroom


@pytest.fixture
def naps() -> list[float]:
    """The pauses that the client has made, in seconds."""
    return []


@pytest.fixture
def client(httpserver: HTTPServer, naps: list[float]) -> Iterator[Darkroom]:
    url = httpserver.url_for("/dev")
    with Darkroom(url, "the-key", proxies=False, sleep=naps.append) as client:
        yield client
