import socket
from collections.abc import Iterator

import pytest

from local.cloud import LocalCloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of the tests' own: its port, its state, gone at the end."""
    own = LocalCloud(tmp_path_factory.mktemp("cloud"), free_port())
    own.start()
    yield own
    own.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
