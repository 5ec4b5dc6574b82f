"""The rules by which SQS serves the message groups of a standard queue. Pure: no cloud, no clock.

AWS documents them on the page "How Amazon SQS fair queues work":
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html

- A group is noisy if it has more than 10 % of the messages in flight and at least 30 of them, or if
  its share of the recent processing time is more than 10 %.
- Messages of quiet groups are delivered first. Among several noisy groups, the one with the fewest
  messages in flight is first.
- A noisy group is quiet again when it has no more messages waiting, or has sent none for 5 minutes.
- A message without a group forms a separate group.

AWS calls these values approximate and does not define "recent". Here it is the last 60 seconds.
Whether a group is noisy follows from its shares at the moment of the question. So the rule of 5
minutes needs no code: AWS would also find a group noisy again that still has these shares.
"""

from collections import deque
from dataclasses import dataclass

SHARE = 0.1
"""A group with a larger share of the messages in flight, or of the processing time, is noisy."""
LEAST_IN_FLIGHT = 30
"""With fewer messages in flight, the share of them makes no group noisy."""
RECENT_SECONDS = 60


@dataclass(slots=True)
class Spent:
    """The processing time of a group that ended within one second of the clock."""

    second: int
    group: str | None
    seconds: float


class Groups:
    """Which message groups of a standard queue are noisy. Times in seconds, of any clock."""

    def __init__(self) -> None:
        self._in_flight: dict[str, int] = {}
        self._all_in_flight = 0
        self._spent: deque[Spent] = deque()  # recent processing time, the oldest first
        self._spent_by: dict[str, deque[Spent]] = {}
        self._sum_by: dict[str, float] = {}
        self._sum = 0.0

    def received(self, group: str, now: float, count: int = 1) -> None:  # noqa: ARG002 - as in `finished`
        """Messages were received: they are in flight now."""
        self._in_flight[group] = self._in_flight.get(group, 0) + count
        self._all_in_flight += count

    def finished(self, group: str, now: float, seconds: float, count: int = 1) -> None:
        """Messages were deleted or became visible again, each after its seconds in flight."""
        self._expire(now)
        left = self._in_flight.get(group, 0) - count
        if left > 0:
            self._in_flight[group] = left
        else:
            self._in_flight.pop(group, None)
        self._all_in_flight -= count
        self._spend(group, int(now), seconds * count)

    def drained(self, group: str) -> None:
        """No message of a group is waiting any more: it is quiet, whatever it has used so far."""
        for spent in self._spent_by.pop(group, ()):
            spent.group = None  # it remains a part of the total
        self._sum_by.pop(group, None)

    def rank(self, group: str, now: float) -> tuple[bool, int]:
        """Sort key: quiet groups first, then noisy ones by messages in flight, fewest first."""
        self._expire(now)
        mine = self._in_flight.get(group, 0)
        crowded = mine >= LEAST_IN_FLIGHT and mine > SHARE * self._all_in_flight
        noisy = crowded or self._sum_by.get(group, 0.0) > SHARE * self._sum
        return noisy, mine if noisy else 0

    def _spend(self, group: str, second: int, seconds: float) -> None:
        own = self._spent_by.setdefault(group, deque())
        if own and own[-1].second == second:
            own[-1].seconds += seconds
        else:
            own.append(Spent(second, group, seconds))
            self._spent.append(own[-1])
        self._sum_by[group] = self._sum_by.get(group, 0.0) + seconds
        self._sum += seconds

    def _expire(self, now: float) -> None:
        """Forget the processing time that is no longer recent."""
        oldest = now - RECENT_SECONDS
        while self._spent and self._spent[0].second < oldest:
            spent = self._spent.popleft()
            self._sum -= spent.seconds
            if spent.group is None:
                continue
            own = self._spent_by[spent.group]
            own.popleft()
            if own:
                self._sum_by[spent.group] -= spent.seconds
            else:
                del self._spent_by[spent.group], self._sum_by[spent.group]
        if not self._spent:
            self._sum = 0.0  # no rounding errors remain
