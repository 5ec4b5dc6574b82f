"""Moto in place of AWS, with the table as template.yaml defines it."""

import contextlib
import importlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.tasks.erasure import Eraser
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.store import TaskStore
from tests.support.project import PROJECT

REGION = "eu-central-1"
STARTED = "2026-11-25T04:26:32.624Z"
"""When an execution began that claims a task."""
TABLE, BATCH_TABLE, BUCKET = "tasks", "batches", "files"


class _Template(yaml.SafeLoader):
    """Reads template.yaml without resolving `!Ref` and other tags."""


_Template.add_multi_constructor("!", lambda *_: None)


@cache
def table_definition(name: str = "Tasks") -> dict[str, Any]:
    """Return the definition of a table in template.yaml, in the form of CreateTable."""
    template = yaml.load((PROJECT / "template.yaml").read_text(), _Template)  # noqa: S506 - it is safe
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    properties = template["Resources"][name]["Properties"]
    return {each: properties[each] for each in wanted}


class FakeAws:
    """Moto instead of AWS. The session is kept, because it takes long to make a client of boto3."""

    def __init__(self) -> None:
        self._dynamodb, self._s3 = boto3.client("dynamodb"), boto3.client("s3")
        self.table = boto3.resource("dynamodb").Table(TABLE)
        table = Table(TABLE)
        self.store = TaskStore(table, retention_days=30)
        self.index = TaskIndex(table)
        self.bucket = Bucket(BUCKET)
        self.eraser = Eraser(table, self.bucket, express=False)
        self.batch_tasks = BatchTaskIndex(table)
        self.batches = BatchStore(Table(BATCH_TABLE), retention_days=30)

    def counted(self, batch_id: str) -> Counter[str]:
        """Return the number of a batch's tasks by status."""
        return self.batch_tasks.count(batch_id)[0]

    def empty(self) -> None:
        """Create the stack's table and bucket again, empty."""
        for name in self._dynamodb.list_tables()["TableNames"]:
            self._dynamodb.delete_table(TableName=name)
        self._dynamodb.create_table(TableName=TABLE, **table_definition())
        self._dynamodb.create_table(TableName=BATCH_TABLE, **table_definition("Batches"))
        if not self._s3.list_buckets()["Buckets"]:
            place = {"LocationConstraint": REGION}
            self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        for found in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self._s3.delete_object(Bucket=BUCKET, Key=found["Key"])


_answer = BotocoreStubber.process_request
_answering = threading.RLock()


def _answer_one_at_a_time(stubber: BotocoreStubber, request: Any) -> Any:
    """Answer a request. A transaction of moto copies a table, which must not change at the same
    time."""
    with _answering:
        return _answer(stubber, request)


@contextlib.contextmanager
def fake_aws() -> Iterator[FakeAws]:
    """Redirect calls to AWS to moto."""
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        environment.setattr(BotocoreStubber, "process_request", _answer_one_at_a_time)
        boto3.setup_default_session()  # it caches the data that clients need
        yield FakeAws()


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "TABLE_NAME": TABLE,
    "BATCH_TABLE_NAME": BATCH_TABLE,
    "BUCKET_NAME": BUCKET,
    "MAX_SOURCE_BYTES": "1000",
    "MAX_PIXELS": "10000",
    "ALLOW_PRIVATE_SOURCES": "false",
    "RETENTION_DAYS": "30",
    "HEIC": "false",
    "REPAIR_AFTER_SECONDS": "120",
    "WEBHOOK_KEY_ID": "alias/webhooks",
    "CONSOLE_URL": "https://console.example/",
    "STATE_MACHINE_LOG_GROUP": "/aws/vendedlogs/states/darkroom",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:tasks",
    "WORKFLOW_TYPE": "STANDARD",
    "BATCH_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:batches",
    "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/123456789012/tasks",
    "FILES_ORIGIN": f"https://files.s3.{REGION}.amazonaws.com",
    "CALLBACK_QUEUE_URL": "https://sqs.example/callbacks",
    "DEAD_LETTER_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/123456789012/dead",
}


MODULES = {"app", "dispatch", "ingest", "serve", "update_status"}
"""Of functions: imported anew for each test that needs one."""


@contextlib.contextmanager
def functions() -> Iterator[Callable[[str, str], ModuleType]]:
    """Import modules of functions as Lambda does: the folder on the path, the environment set."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:

        def load(folder: str, name: str) -> ModuleType:
            for variable, value in ENVIRONMENT.items():
                patch.setenv(variable, value)
            patch.syspath_prepend(str(PROJECT / folder))
            return importlib.import_module(name)

        yield load
    for name in set(sys.modules) - before:
        if name in MODULES or name.partition(".")[0] == "chalicelib":
            del sys.modules[name]
