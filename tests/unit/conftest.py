"""No cloud: DynamoDB, S3 and SQS are moto's, and every AWS variable is this file's."""

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from api_caller import Api
from stand_in import BUCKET, REGION, ROOT, TABLE, StandIn, stand_in_cloud

from darkroom.index import TaskIndex
from darkroom.objects import Bucket
from darkroom.store import TaskStore


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach, or be led by, an AWS account or profile of the machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    """Moto instead of AWS, for a module."""
    with stand_in_cloud() as stand_in:
        yield stand_in


@pytest.fixture
def aws(cloud: StandIn) -> StandIn:
    """The stack's table and bucket, empty."""
    cloud.empty()
    return cloud


@pytest.fixture
def table(aws: StandIn) -> Any:
    return aws.table


@pytest.fixture
def store(aws: StandIn) -> TaskStore:
    return aws.store


@pytest.fixture
def index(aws: StandIn) -> TaskIndex:
    return aws.index


@pytest.fixture
def bucket(aws: StandIn) -> Bucket:
    return aws.bucket


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Import a function's module as Lambda does: its folder on the path, its environment set."""
    environment = {
        "TABLE_NAME": TABLE,
        "BUCKET_NAME": BUCKET,
        "MAX_SOURCE_BYTES": "1000",
        "MAX_PIXELS": "10000",
        "ALLOW_PRIVATE_SOURCES": "false",
        "RETENTION_DAYS": "30",
        "REPAIR_AFTER_SECONDS": "120",
        "CONSOLE_URL": "https://console.example/",
        "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:tasks",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/123456789012/tasks",
        "DEAD_LETTER_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/123456789012/dead",
    }
    before = set(sys.modules)

    def load(folder: str, name: str) -> ModuleType:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.syspath_prepend(str(ROOT / folder))
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if name in {"app", "dispatch"} or name.partition(".")[0] == "chalicelib":
            del sys.modules[name]


@pytest.fixture
def api(
    aws: StandIn, load: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Api:
    """The API before an empty cloud; what it queues is kept in `queued`."""
    caller = Api(load("api", "app"), aws)
    queue = caller.module.desk.queue
    monkeypatch.setattr(type(queue), "send", lambda _, order: caller.queued.append(order))
    return caller
