"""The test of a stage: a picture is developed and a text refused, on the stack that is live.

It asks as a client does and removes what it has made: tasks, uploads and results.
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
"""For a task to end in: cold starts, and the queue of everybody else's tasks."""

OF_CLIENTS = (ApiError, Unreachable, BrokenDownload, httpx.HTTPError)
OF_AWS = (NoStack, BotoCoreError, ClientError)


class SmokeFailed(Exception):
    """The stack does not do what it is for; the message says what."""


def smoke(account: Account, stack_name: str, version: str) -> None:
    """Test a stack that has just been deployed.

    Raises:
        SmokeFailed: it is not live, or does not do what it is for, or cannot be asked.
    """
    try:
        _require_live(account, stack_name, version)
        stack = account.stack(stack_name)
        with stack.darkroom() as client, _removed_at_the_end(account, stack) as made:
            _develop(client, made)
            _refuse(client, made)
        _turn_away(stack)
    except (*OF_CLIENTS, *OF_AWS) as error:
        raise SmokeFailed(f"{stack_name} cannot be used: {error}") from error


def _require_live(account: Account, stack_name: str, version: str) -> None:
    """Look where the alias of each function leads: its description ends with the release."""
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


def _develop(client: Darkroom, made: list[Task]) -> None:
    task = _ended(client, CARD, made)
    if task["status"] != "COMPLETED":
        raise SmokeFailed(f"A picture is {task['status']}, not developed: {task['failure']}.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "gray.png")
        client.download(task, place)
        with Image.open(CARD) as card, Image.open(place) as gray:
            if (gray.mode, gray.size) != ("L", card.size):
                raise SmokeFailed(f"The result is {gray.mode}, {gray.size}: not the card in gray.")


def _refuse(client: Darkroom, made: list[Task]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.png")
        text.write_text("This is no picture, whatever its name says.\n" * 20)
        task = _ended(client, text, made)
    failure = task["failure"]
    if failure is None or failure["error"] != "UnsupportedFormat":
        raise SmokeFailed(f"A text is {task['status']}, not refused: {failure}.")


def _turn_away(stack: Stack) -> None:
    answer = httpx.get(f"{stack.api_url}/tasks", headers={"x-api-key": "nobody"}, timeout=30)
    if answer.status_code != httpx.codes.FORBIDDEN:
        raise SmokeFailed(f"A stranger is answered {answer.status_code}, not 403.")


def _ended(client: Darkroom, picture: Path, made: list[Task]) -> Task:
    task = client.submit({"uploadId": client.upload(picture)}, name="smoke")
    made.append(task)
    return client.wait([task["taskId"]], SECONDS)[task["taskId"]]


@contextmanager
def _removed_at_the_end(account: Account, stack: Stack) -> Iterator[list[Task]]:
    made: list[Task] = []
    try:
        yield made
    finally:
        bucket, s3 = stack.outputs["BucketName"], account.client("s3")
        for task in made:
            task_id = task["taskId"]
            record = account.client("dynamodb").delete_item(
                TableName=stack.outputs["TableName"],
                Key={"taskId": {"S": task_id}},
                ReturnValues="ALL_OLD",
            )["Attributes"]
            upload = record["source"]["M"]["object"]["S"]
            for prefix in (upload, f"work/{task_id}/", f"results/{task_id}/"):
                for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
                    s3.delete_object(Bucket=bucket, Key=found["Key"])
