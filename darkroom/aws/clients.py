"""How the functions call AWS: one place for the settings of every client."""

from typing import Any

import boto3
from botocore.config import Config


def client(service: str, **settings: Any) -> Any:
    """Return a boto3 client; nothing is called yet.

    It waits briefly and tries a few times. The caller is a function that the state machine, a queue
    or a client of the API calls again: a connection that hangs must not use up the function's time.

    Args:
        service: as boto3 names it.
        settings: of botocore's `Config`, instead of or beside these.
    """
    usual = {
        "connect_timeout": 2,
        "read_timeout": 3,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    }
    return boto3.client(service, config=Config(**{**usual, **settings}))
