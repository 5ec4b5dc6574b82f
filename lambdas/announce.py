"""Announce: tell the account's event bus of every task that has ended, and count the ends.

In:  changes of the table of tasks, from its stream; the filter in template.yaml lets only those
     through that ended a task, whoever wrote them: the state machine, the API or reconcile
Out: nothing. If it fails, Lambda gives it the same changes again: an end may be told twice, and
     `taskId` and `attempt` together say which one it is
"""

from typing import Any

from darkroom.bus import Bus
from darkroom.logs import logger
from darkroom.metrics import count_ends
from darkroom.settings import required
from darkroom.table import read_item

bus = Bus(required("STACK_NAME"))


def handler(event: dict[str, Any], _: Any) -> None:
    """Announce up to ten ends."""
    ended = [read_item(record["dynamodb"]["NewImage"]) for record in event["Records"]]
    bus.announce(ended)
    count_ends(ended)
    for item in ended:
        logger.info("announced", correlation_id=item["taskId"], status=item["status"])
