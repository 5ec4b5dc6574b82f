"""Change the tasks of a page in groups: the tasks of a group at the same time.

One task after the other, a page would wait for the network most of the time, and the pages of two
million tasks would fill the history of an execution.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from darkroom.errors import StaleAttempt
from darkroom.tasks.store import Item

AT_ONCE = 10
"""Tasks in a group. The SDK keeps ten connections to a service open, and a request to SQS has ten
messages at most."""

Entry = TypeVar("Entry")


def groups(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield the entries in groups of `AT_ONCE`."""
    for start in range(0, len(entries), AT_ONCE):
        yield entries[start : start + AT_ONCE]


def change_at_once(
    pool: Executor,
    change: Callable[[Item], Item | None],
    group: Sequence[Item],
    then: Callable[[list[Item]], None],
) -> list[Item | None]:
    """Change the tasks of a group.

    If a change raises an error, `then` is nevertheless called with the tasks that were changed,
    before the error is raised again: a task that was retried must not be left without a message.

    Args:
        pool: runs the changes.
        change: changes the task of an entry and returns it, or None if its status stays.
        group: the entries of the index.
        then: called once, with the tasks that were changed.

    Returns:
        for each entry what `change` returned; None if the task has changed since the index was
        read.
    """

    def try_to(entry: Item) -> Item | None:
        try:
            return change(entry)
        except StaleAttempt:
            return None

    futures = [pool.submit(try_to, entry) for entry in group]
    then([task for each in futures if not each.exception() and (task := each.result())])
    return [each.result() for each in futures]
