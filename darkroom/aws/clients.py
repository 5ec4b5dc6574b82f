"""The settings of every AWS client of the functions, in one place."""

from typing import Any

import boto3
from botocore.config import Config


def client(service: str, **settings: Any) -> Any:
    """Return a boto3 client, without any call yet.

    Timeouts are short and retries are few. The state machine, a queue or a client of the API calls
    the function again, so a hanging connection must not use up the function's time limit.

    Args:
        service: the service, by its name in boto3.
        settings: options of botocore's `Config`, in addition to or instead of the defaults.
    """
    defaults = {
        "connect_timeout": 2,
        "read_timeout": 3,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    }
    return boto3.client(service, config=Config(**{**defaults, **settings}))
