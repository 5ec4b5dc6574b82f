"""The logger of every function: JSON lines, by Powertools.

Every line about a task has the task's id as `correlation_id`, from the request that created it to
the webhook. `darkroom logs TASK` collects these lines. `function` is the module that Lambda runs.
No line contains an event or a secret. It contains only scheme and host of a URL, even in messages
of libraries.
"""

import logging
import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from darkroom.runtime.redaction import redacted


class Formatter(LambdaPowertoolsFormatter):
    """JSON by Powertools, redacted: errors of libraries and services contain whole URLs."""

    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]
        """Return a line as JSON."""
        return super().serialize(_redacted(log))


def _redacted(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {name: _redacted(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(part) for part in value]
    return redacted(str(value))  # a text or an exception


# Lambda treats a line as INFO if its timestamp is not in RFC 3339.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
logger = Logger(logger_formatter=Formatter(use_rfc3339=True))
logger.append_keys(function=os.environ.get("_HANDLER", "").partition(".")[0])

# Its warnings contain whole URLs, and the runtime of Lambda logs the messages of every library.
logging.getLogger("urllib3").setLevel(logging.ERROR)
