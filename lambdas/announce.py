"""Announce: tell the account's event bus of every task that has ended.

In:  changes of the table of tasks, from its stream; the filter in template.yaml lets only those
     through that ended a task, whoever wrote them: the state machine, the API or reconcile
Out: nothing. If it fails, Lambda gives it the same changes again: an end may be told twice, and
     `taskId` and `attempt` together say which one it is
"""

from typing import Any

from aws_lambda_powertools import Logger

from darkroom.bus import Bus
from darkroom.settings import required
from darkroom.table import read_item

logger = Logger()
bus = Bus(required("STACK_NAME"))


def handler(event: dict[str, Any], _: Any) -> None:
    """Announce up to ten ends."""
    ended = [read_item(record["dynamodb"]["NewImage"]) for record in event["Records"]]
    bus.announce(ended)
    for item in ended:
        logger.info("announced", taskId=item["taskId"], status=item["status"])
