"""No cloud: DynamoDB, S3 and SQS are moto's, and every AWS variable is this file's."""

import io
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from darkroom.aws.s3 import Bucket
from darkroom.runtime.logging import logger
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.store import TaskStore
from tests.support.api_caller import Api
from tests.support.fakes.aws import REGION, FakeAws, fake_aws, functions


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test use an AWS account or profile of the machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeAws]:
    """Moto instead of AWS, in a module."""
    with fake_aws() as fake:
        yield fake


@pytest.fixture
def aws(cloud: FakeAws) -> FakeAws:
    """The stack's table and bucket, empty."""
    cloud.empty()
    return cloud


@pytest.fixture
def table(aws: FakeAws) -> Any:
    return aws.table


@pytest.fixture
def store(aws: FakeAws) -> TaskStore:
    return aws.store


@pytest.fixture
def index(aws: FakeAws) -> TaskIndex:
    return aws.index


@pytest.fixture
def bucket(aws: FakeAws) -> Bucket:
    return aws.bucket


@pytest.fixture
def load() -> Iterator[Callable[[str, str], ModuleType]]:
    """Import a function's module as Lambda does; see `functions`."""
    with functions() as load:
        yield load


@pytest.fixture(scope="module")
def app(cloud: FakeAws) -> Iterator[ModuleType]:  # noqa: ARG001 - its clients are moto's
    """The API's module."""
    with functions() as load:
        yield load("api", "app")


@pytest.fixture
def api(aws: FakeAws, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API on an empty cloud; its messages are recorded in `queued` and `groups`."""
    caller = Api(app, aws)
    queue = type(app.task_service.queue)

    def send(_: object, order: dict[str, Any], group: str) -> None:
        caller.queued.append(order)
        caller.groups.append(group)

    monkeypatch.setattr(queue, "send", send)
    return caller


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged. The logger keeps the standard output of the time when it was created."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream
