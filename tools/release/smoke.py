"""The smoke test of a stage: on the live stack, a picture is developed and a text file refused.

It uses the stack like a client, and removes the tasks, uploads and results that it created.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from darkroom.cli.stack import NoStack, Stack
from darkroom.client import ApiError, BrokenDownload, Darkroom, Task, Unreachable
from tools.localcloud.cloud import PROJECT
from tools.release.accounts import Account

CARD = PROJECT / "docs" / "card.png"
SECONDS = 120.0
"""The time limit of a task. It allows for cold starts and for other callers' tasks in the queue."""

CLIENT_ERRORS = (ApiError, Unreachable, BrokenDownload, httpx.HTTPError)
AWS_ERRORS = (NoStack, BotoCoreError, ClientError)


class SmokeFailed(Exception):
    """The smoke test failed; the message says what went wrong."""


def smoke(account: Account, stack_name: str, version: str) -> None:
    """Test a stack that has just been deployed.

    Raises:
        SmokeFailed: it is not live, cannot be reached, or gives a wrong result.
    """
    try:
        _require_live(account, stack_name, version)
        stack = account.stack(stack_name)
        with stack.darkroom() as client, _cleaned_up(account, stack) as created:
            _check_image(client, created)
            _check_text(client, created)
        _check_unknown_key(stack)
    except (*CLIENT_ERRORS, *AWS_ERRORS) as error:
        raise SmokeFailed(f"{stack_name} cannot be used: {error}") from error


def _require_live(account: Account, stack_name: str, version: str) -> None:
    """Check the version behind each function's alias: its description ends with the release."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources")
    functions = account.client("lambda")
    for page in pages.paginate(StackName=stack_name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] != "AWS::Lambda::Function":
                continue
            live = functions.get_function_configuration(
                FunctionName=resource["PhysicalResourceId"], Qualifier="live"
            )
            if not live["Description"].endswith(f" {version}"):
                raise SmokeFailed(f"{resource['LogicalResourceId']} is not live in {version}.")


def _check_image(client: Darkroom, created: list[Task]) -> None:
    task = _run(client, CARD, created)
    if task["status"] != "COMPLETED":
        raise SmokeFailed(f"A picture is {task['status']}, not developed: {task['failure']}.")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "gray.png")
        client.download(task, result)
        with Image.open(CARD) as card, Image.open(result) as gray:
            if (gray.mode, gray.size) != ("L", card.size):
                raise SmokeFailed(f"The result is {gray.mode}, {gray.size}: not the card in gray.")


def _check_text(client: Darkroom, created: list[Task]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.png")
        text.write_text("This is not a picture, whatever its name says.\n" * 20)
        task = _run(client, text, created)
    failure = task["failure"]
    if failure is None or failure["error"] != "UnsupportedFormat":
        raise SmokeFailed(f"A text file is {task['status']}, not refused: {failure}.")


def _check_unknown_key(stack: Stack) -> None:
    response = httpx.get(f"{stack.api_url}/tasks", headers={"x-api-key": "nobody"}, timeout=30)
    if response.status_code != httpx.codes.FORBIDDEN:
        raise SmokeFailed(f"An unknown key is answered {response.status_code}, not 403.")


def _run(client: Darkroom, file: Path, created: list[Task]) -> Task:
    task = client.submit({"uploadId": client.upload(file)}, name="smoke")
    created.append(task)
    return client.wait([task["taskId"]], SECONDS)[task["taskId"]]


@contextmanager
def _cleaned_up(account: Account, stack: Stack) -> Iterator[list[Task]]:
    """Yield a list for created tasks; at the end, delete these with their uploads and results."""
    created: list[Task] = []
    try:
        yield created
    finally:
        bucket, s3 = stack.outputs["BucketName"], account.client("s3")
        for task in created:
            task_id = task["taskId"]
            record = account.client("dynamodb").delete_item(
                TableName=stack.outputs["TableName"],
                Key={"taskId": {"S": task_id}},
                ReturnValues="ALL_OLD",
            )["Attributes"]
            upload = record["source"]["M"]["object"]["S"]
            for prefix in (upload, f"work/{task_id}/", f"results/{task_id}/"):
                for file in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
                    s3.delete_object(Bucket=bucket, Key=file["Key"])
