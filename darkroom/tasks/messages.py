"""What a message of the queue holds: the order for one execution, which `model.order` makes."""

import json
from typing import Any

from darkroom.tasks.model import is_id

ORDER_FIELDS = {"taskId": str, "attempt": int, "source": dict, "output": dict}


class NotATask(ValueError):
    """A message is no order for an execution; no further delivery would make it one."""


def read_order(body: str) -> dict[str, Any]:
    """Return the order that a message holds: `taskId`, `attempt`, `source` and `output`.

    Fields that are new are kept: a newer API may be live while an older dispatch function is.

    Raises:
        NotATask: the message is no JSON object with these fields.
    """
    try:
        order = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotATask("The message is not JSON, or too deep.") from error
    if not isinstance(order, dict):
        raise NotATask("The message is not a JSON object.")
    for field, kind in ORDER_FIELDS.items():
        # The very type: to Python, true is an int.
        if type(order.get(field)) is not kind:
            raise NotATask(f"The message has no {field}, or one of the wrong type.")
    if not is_id(order["taskId"]):
        raise NotATask("The message's taskId is no id of a task.")
    return order
