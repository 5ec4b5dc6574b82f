"""What commands that call AWS share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.cli.errors import CommandError

AwsError = (BotoCoreError, ClientError)
"""What a call to AWS raises: AWS refused it, or there was no answer."""


def default_region() -> str | None:
    """Return the region of the user's environment or profile."""
    region: str | None = os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    return region


def message(error: Exception) -> str:
    """Return what AWS answered, or why there was no answer."""
    if isinstance(error, ClientError):
        return error.response["Error"].get("Message") or str(error)
    return str(error)


@contextmanager
def explained(kind: type[CommandError], problem: str) -> Iterator[None]:
    """Raise AWS's refusal of a call, or the lack of an answer, as an error of this class."""
    try:
        yield
    except AwsError as error:
        raise kind(f"{problem}: {message(error)}") from error
