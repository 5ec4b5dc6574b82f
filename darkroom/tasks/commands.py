"""Enqueue and cancel tasks: what the API and the batches have in common."""

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.sqs import MAX_MESSAGES, Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.runtime.logging import logger
from darkroom.tasks.model import execution_name, message_group, order
from darkroom.tasks.store import Item, TaskStore


def enqueue(queue: Queue, items: Sequence[Item]) -> None:
    """Send the orders of PENDING tasks to the queue.

    A failed send is logged and raises nothing: the task is stored, and reconcile queues it again
    within minutes.
    """
    for start in range(0, len(items), MAX_MESSAGES):
        part = items[start : start + MAX_MESSAGES]
        try:
            refused = queue.send_many(list(map(order, part)), list(map(message_group, part)))
        except (BotoCoreError, ClientError) as error:
            logger.warning("tasks were not queued", tasks=len(part), reason=str(error))
        else:
            if refused:
                logger.warning("tasks were not queued", tasks=refused, reason="refused by SQS")


def cancel(
    store: TaskStore, machine: StateMachine, task_id: str, attempt: int, run: int | None = None
) -> Item:
    """Set a task CANCELLED, stop its execution, and return the task.

    Args:
        store: the store of tasks.
        machine: the state machine of tasks.
        task_id: the task.
        attempt: the attempt that the task must be in.
        run: the run of its batch that has ended, if this is why the task is cancelled.

    Raises:
        StaleAttempt: the task has ended, is in another attempt, or belongs to a later run.
    """
    cancelled = store.cancel(task_id, attempt, run)
    # The task is CANCELLED from here on. An execution that continues cannot change it: its next
    # write raises StaleAttempt.
    execution = cancelled.get("execution") or machine.arn_of(execution_name(task_id, attempt))
    try:
        machine.stop(execution, f"Task {task_id} was cancelled.")
    except (BotoCoreError, ClientError) as error:
        logger.warning("an execution was not stopped", correlation_id=task_id, reason=str(error))
    return cancelled
