"""How tasks go in, many at a time, and are called back: what the API and batches do alike."""

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.sqs import MAX_MESSAGES, Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.runtime.logging import logger
from darkroom.tasks.model import execution_name, order
from darkroom.tasks.store import Item, TaskStore


def enqueue(queue: Queue, items: Sequence[Item]) -> None:
    """Queue the orders of PENDING tasks.

    One that is not taken is no error: the task is stored, and reconcile queues it again within
    minutes, as if it had come alone.
    """
    for start in range(0, len(items), MAX_MESSAGES):
        part = items[start : start + MAX_MESSAGES]
        try:
            refused = queue.send_many([order(item) for item in part])
        except (BotoCoreError, ClientError) as error:
            logger.warning("tasks were not queued", tasks=len(part), reason=str(error))
        else:
            if refused:
                logger.warning("tasks were not queued", tasks=refused, reason="SQS took the rest")


def cancel(
    store: TaskStore, machine: StateMachine, task_id: str, attempt: int, run: int | None = None
) -> Item:
    """End a task CANCELLED, stop its execution, and return it.

    Args:
        store: of tasks.
        machine: that of tasks.
        task_id: the task.
        attempt: the attempt that it must be in.
        run: the run of its batch that has ended, if that is why it is cancelled.

    Raises:
        StaleAttempt: it has ended, is another attempt by now, or belongs to a later run.
    """
    cancelled = store.cancel(task_id, attempt, run)
    # The record is the truth now. An execution that goes on changes nothing: at its next write it
    # is a StaleAttempt.
    execution = cancelled.get("execution") or machine.arn_of(execution_name(task_id, attempt))
    try:
        machine.stop(execution, f"Task {task_id} was cancelled.")
    except (BotoCoreError, ClientError) as error:
        logger.warning("an execution was not stopped", correlation_id=task_id, reason=str(error))
    return cancelled
