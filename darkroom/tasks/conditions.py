"""The conditions of writes to the table of tasks, as DynamoDB takes them, and why one failed."""

from typing import Any

from darkroom.tasks.model import TRANSITIONS, Status, Transition

THIS_ATTEMPT = "#attempt = :attempt"
THIS_EXECUTION = "#execution = :execution"
NOT_IN_LATER_RUN = "(attribute_not_exists(#batchRun) OR #batchRun <= :run)"
PENDING_AND_UNCHANGED = f"{THIS_ATTEMPT} AND #status = :pending AND #updatedAt = :read"


def condition(transition: str) -> str:
    """Return the ConditionExpression of a row of `TRANSITIONS`.

    The caller binds `:attempt`, `:execution` and the statuses that the expression names.
    """
    row = TRANSITIONS[transition]
    alternatives = []
    for status in sorted(row.sources):
        alternative = f"#status = :{status.lower()}"
        if row.by_execution and status is Status.RUNNING:
            alternative += f" AND {THIS_EXECUTION}"
        alternatives.append(alternative)
    # DynamoDB refuses redundant parentheses, so only an OR gets them.
    either = alternatives[0] if len(alternatives) == 1 else f"({' OR '.join(alternatives)})"
    return f"{THIS_ATTEMPT} AND {either}"


def reason(task: dict[str, Any], row: Transition, attempt: int) -> str:
    """Return why a write was refused, from the task at that time, {} if it did not exist."""
    if not task:
        return "the task does not exist, or has expired"
    if task["attempt"] != attempt:
        return f"the task is {task['status']} in attempt {task['attempt']}"
    if task["status"] not in row.sources:
        return f"the task is {task['status']}"
    return "another execution, or a later run of its batch, owns the task"
