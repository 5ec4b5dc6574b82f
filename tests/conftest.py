from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

# An example may be slow because of other work on the machine.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

QUICKLY = {"CallbackRetrySeconds": "1", "CallbackTries": "3"}
"""No test has hours to wait for the last try of a webhook."""


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of the tests' own: its port, its state, gone at the end."""
    own = LocalCloud(tmp_path_factory.mktemp("cloud"), free_port())
    try:
        own.start()
        yield own
    finally:
        own.stop()


@pytest.fixture(scope="session")
def standard(cloud: LocalCloud) -> Iterator[Stack]:
    with Stack(cloud, deploy(cloud, "standard", QUICKLY)) as stack:
        yield stack


@pytest.fixture(scope="session")
def express(cloud: LocalCloud) -> Iterator[Stack]:
    description = deploy(cloud, "express", {"WorkflowType": "EXPRESS", **QUICKLY})
    with Stack(cloud, description, "EXPRESS") as stack:
        yield stack


@pytest.fixture(params=["standard", "express"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """The stack once with each type of state machine: what holds in both is tested in both."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def sources() -> Iterator[Sources]:
    server = Sources()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _sources_forget(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test find its paths as it would the first time, however often it is run."""
    server = request.getfixturevalue("sources") if "sources" in request.fixturenames else None
    yield
    if isinstance(server, Sources):
        server.forget()


@pytest.fixture(scope="session")
def another_key(standard: Stack) -> str:
    """The key of a second caller of the same stack."""
    return standard.new_key("another")
