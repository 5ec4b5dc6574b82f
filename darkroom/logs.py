"""The one logger of a function: JSON lines, by Powertools.

A line that is about a task has the task's id as `correlation_id`, from the request that brought it
to the webhook that tells its end; `darkroom logs TASK` gathers them. `function` is the module that
Lambda runs. No line holds an event, a signed URL or a secret.
"""

import os

from aws_lambda_powertools import Logger

# Lambda takes a line whose timestamp is not of RFC 3339 for one of the level INFO.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
logger = Logger(use_rfc3339=True)
logger.append_keys(function=os.environ.get("_HANDLER", "").partition(".")[0])
