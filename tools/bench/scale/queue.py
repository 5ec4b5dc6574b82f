"""A standard queue of SQS with message groups, in simulated seconds (SimPy)."""

from collections import deque
from dataclasses import dataclass, replace

import simpy

from tools.localcloud.emulator.fair_queue import Groups


@dataclass(frozen=True)
class Messages:
    """Messages of one group that were sent together, and how often SQS delivered them."""

    group: str
    sent: float
    count: int
    receives: int = 0


class Queue:
    """A queue that delivers its messages by group, or in the order in which they were sent."""

    def __init__(self, env: simpy.Environment, *, fair: bool) -> None:
        """Begin empty. If it is not fair, all messages belong to one group."""
        self._env, self._fair = env, fair
        self._groups = Groups()
        self._visible: dict[str, deque[Messages]] = {}
        self._waiting: deque[simpy.Event] = deque()
        self.messages = 0
        """The messages that were not deleted yet, visible or not."""

    def send(self, messages: Messages) -> None:
        """Add new messages."""
        self.messages += messages.count
        self._show(messages)

    def arrival(self) -> simpy.Event:
        """Return an event that happens when there are visible messages, for one poller."""
        event = self._env.event()
        if self._visible:
            event.succeed()
        else:
            self._waiting.append(event)
        return event

    def receive(self, limit: int) -> list[Messages]:
        """Return up to this number of messages, those of quiet groups first, and hide them."""
        found: list[Messages] = []
        now = self._env.now
        while limit and self._visible:
            name = min(
                self._visible,
                key=lambda name: (*self._groups.rank(name, now), self._visible[name][0].sent),
            )
            waiting = self._visible[name]
            first = waiting.popleft()
            if first.count > limit:
                waiting.appendleft(replace(first, count=first.count - limit))
                first = replace(first, count=limit)
            if not waiting:
                del self._visible[name]
            limit -= first.count
            self._groups.received(name, now, first.count)
            found.append(replace(first, receives=first.receives + 1))
        return found

    def delete(self, messages: Messages, seconds: float) -> None:
        """Delete messages that were in flight for these seconds."""
        self.messages -= messages.count
        self._groups.finished(self._name(messages), self._env.now, seconds, messages.count)

    def reappear(self, messages: Messages, seconds: float) -> None:
        """Show messages again that were in flight for these seconds."""
        self._groups.finished(self._name(messages), self._env.now, seconds, messages.count)
        self._show(messages)

    def _show(self, messages: Messages) -> None:
        self._visible.setdefault(self._name(messages), deque()).append(messages)
        if self._waiting:
            self._waiting.popleft().succeed()

    def _name(self, messages: Messages) -> str:
        return messages.group if self._fair else ""
