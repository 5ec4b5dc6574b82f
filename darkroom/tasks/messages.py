"""The messages of the task queue. Each contains the order for one execution: `model.order`."""

import json
from typing import Any

from darkroom.tasks.model import is_id

ORDER_FIELDS = {"taskId": str, "attempt": int, "source": dict, "output": dict}


class NotATask(ValueError):
    """The message is not an order for an execution. Non-retryable: delivering it again is useless.

    The text explains why; it is stored with the message in the dead-letter queue.
    """


def read_order(body: str) -> dict[str, Any]:
    """Return the order in a message: `taskId`, `attempt`, `source` and `output`.

    Unknown fields are kept: a newer version of the API may be live beside an older version of the
    dispatch function.

    Raises:
        NotATask: the message is not a JSON object with these fields.
    """
    try:
        order = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotATask("The message is not valid JSON, or is nested too deeply.") from error
    if not isinstance(order, dict):
        raise NotATask("The message is not a JSON object.")
    for field, kind in ORDER_FIELDS.items():
        # Not isinstance: in Python, True is an int.
        if type(order.get(field)) is not kind:
            raise NotATask(f"The field {field} of the message is missing or has the wrong type.")
    if not is_id(order["taskId"]):
        raise NotATask("The taskId of the message is not the id of a task.")
    return order
