"""The rules by which SQS serves the message groups of a standard queue. Pure: no cloud, no clock.

AWS documents them on the page "How Amazon SQS fair queues work":
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html

- A group is noisy if it has more than 10 % of the messages in flight and at least 30 of them, or if
  its share of the recent processing time is more than 10 %.
- Messages of quiet groups are delivered first. Of several noisy groups, the one with the fewest
  messages in flight is first.
- A noisy group is quiet again when it has no more messages waiting, or has sent none for 5 minutes.
- A message without a group is a group of its own.

AWS calls these values approximate and does not define "recent". Here it is the last 60 seconds.
Whether a group is noisy is decided again for each request, from these shares alone. So the rule of
5 minutes needs no code: AWS, too, would find a group noisy again that still has these shares.
"""

from collections import deque

SHARE = 0.1
"""A group with a larger share of the messages in flight, or of the processing time, is noisy."""
LEAST_IN_FLIGHT = 30
"""With fewer messages in flight, the share of them makes no group noisy."""
RECENT_SECONDS = 60


class Groups:
    """Which message groups of a standard queue are noisy. Times in seconds, of any clock."""

    def __init__(self) -> None:
        self._in_flight: dict[str, int] = {}
        self._all_in_flight = 0
        # Processing time: per group, pairs of a second of the clock and the time that ended in it.
        self._recent: dict[str, deque[list[float]]] = {}
        self._sums: dict[str, float] = {}
        self._sum = 0.0
        self._order: deque[tuple[int, str]] = deque()  # the pairs of all groups, the oldest first

    def received(self, group: str, now: float, count: int = 1) -> None:  # noqa: ARG002 - symmetry
        """Messages were received: they are in flight now."""
        self._in_flight[group] = self._in_flight.get(group, 0) + count
        self._all_in_flight += count

    def finished(self, group: str, now: float, seconds: float, count: int = 1) -> None:
        """Messages were deleted or became visible again, each after so many seconds in flight."""
        self._expire(now)
        left = self._in_flight.get(group, 0) - count
        if left > 0:
            self._in_flight[group] = left
        else:
            self._in_flight.pop(group, None)
        self._all_in_flight -= count
        spent = seconds * count
        second = int(now)
        recent = self._recent.setdefault(group, deque())
        if recent and recent[-1][0] == second:
            recent[-1][1] += spent
        else:
            recent.append([second, spent])
            self._order.append((second, group))
        self._sums[group] = self._sums.get(group, 0.0) + spent
        self._sum += spent

    def drained(self, group: str) -> None:
        """No message of a group is waiting any more: its processing time is forgotten."""
        if self._recent.pop(group, None):
            self._sum -= self._sums.pop(group)

    def rank(self, group: str, now: float) -> tuple[bool, int]:
        """Sort key: quiet groups first, then noisy ones by messages in flight, fewest first."""
        self._expire(now)
        mine = self._in_flight.get(group, 0)
        crowded = mine >= LEAST_IN_FLIGHT and mine > SHARE * self._all_in_flight
        noisy = crowded or self._sums.get(group, 0.0) > SHARE * self._sum
        return noisy, mine if noisy else 0

    def _expire(self, now: float) -> None:
        """Forget the processing time that is no longer recent."""
        oldest = now - RECENT_SECONDS
        while self._order and self._order[0][0] < oldest:
            second, group = self._order.popleft()
            recent = self._recent.get(group)
            if not recent or recent[0][0] != second:
                continue  # it was forgotten when the group was drained
            spent = recent.popleft()[1]
            self._sum -= spent
            self._sums[group] -= spent
            if not recent:
                del self._recent[group], self._sums[group]
        if not self._recent:
            self._sum = 0.0  # no rounding errors remain
