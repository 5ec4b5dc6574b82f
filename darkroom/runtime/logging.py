"""The one logger of a function: JSON lines, by Powertools.

A line that is about a task has the task's id as `correlation_id`, from the request that brought it
to the webhook that tells its end; `darkroom logs TASK` gathers them. `function` is the module that
Lambda runs. No line holds an event or a secret; of a URL it has the host only, whoever wrote it.
"""

import logging
import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from darkroom.runtime.redaction import redacted


class Formatter(LambdaPowertoolsFormatter):
    """JSON by Powertools. Errors of libraries and services have URLs in them, whole."""

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
    return redacted(str(value))  # an exception, too, comes to here


# Lambda takes a line whose timestamp is not of RFC 3339 for one of the level INFO.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
logger = Logger(logger_formatter=Formatter(use_rfc3339=True))
logger.append_keys(function=os.environ.get("_HANDLER", "").partition(".")[0])

# Its warnings have whole URLs in them, and the runtime logs what any library logs.
logging.getLogger("urllib3").setLevel(logging.ERROR)
