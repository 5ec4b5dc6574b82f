"""What the routes of the API call, made once for each instance of its function."""

import functools
import os
from typing import TYPE_CHECKING

from chalicelib.batch_service import BatchService
from chalicelib.callback_secrets import CallbackSecrets
from chalicelib.task_service import TaskService
from chalicelib.views import Views
from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.runtime.settings import Settings, required
from darkroom.tasks.callers import KeyOwners
from darkroom.tasks.erasure import Eraser
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.secret_versions import SecretVersions
from darkroom.tasks.store import TaskStore

if TYPE_CHECKING:
    from chalicelib.history.service import HistoryService
    from darkroom.aws.kms import Secrets
    from darkroom.aws.logs import LogGroup

settings = Settings.from_environment()
table = Table(settings.table_name)
store = TaskStore(table, settings.retention_days)
index = TaskIndex(table)
key_owners = KeyOwners(table)
bucket = Bucket(settings.bucket_name)
batch_tasks = BatchTaskIndex(table)
batch_store = BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days)
machine = StateMachine(required("STATE_MACHINE_ARN"), required("WORKFLOW_TYPE"))
task_service = TaskService(
    store=store,
    bucket=bucket,
    queue=Queue(required("QUEUE_URL")),
    machine=machine,
    callbacks=Queue(required("CALLBACK_QUEUE_URL")),
    eraser=Eraser(table, bucket, express=not machine.describes_executions),
    batches=batch_store,
    max_source_bytes=settings.max_source_bytes,
)
batch_machine = StateMachine(required("BATCH_STATE_MACHINE_ARN"))
batch_service = BatchService(batch_store, bucket, batch_machine)
views = Views(bucket, os.environ["CONSOLE_URL"], batch_machine)


@functools.cache
def histories() -> "HistoryService":
    """Return the reader of histories. Only one route needs it."""
    from chalicelib.history.service import HistoryService

    return HistoryService(task_service.machine, required("STATE_MACHINE_LOG_GROUP"))


@functools.cache
def function_log() -> "LogGroup":
    """Return the log of the functions, which Lambda names. Only one route needs it."""
    from chalicelib.history.service import log_group

    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    return log_group(required("AWS_LAMBDA_LOG_GROUP_NAME"))


@functools.cache
def secrets() -> "Secrets":
    """Return the callers' secrets. Few routes need the client, so it is made on demand."""
    from darkroom.aws.kms import Secrets

    return Secrets(required("WEBHOOK_KEY_ID"))


callback_secrets = CallbackSecrets(SecretVersions(table), secrets)
