"""SQS: the message groups of standard queues (fair queues).

Differences from AWS: docs/aws-differences.md, "X-Ray and SQS" and "Intended differences".
"""

import heapq
import threading
import time
from collections.abc import Iterable
from typing import Any

from ministack.services import lambda_svc, sqs, stepfunctions

from tools.localcloud.emulator.fair_queue import Groups
from tools.localcloud.emulator.fidelity.aws_lambda.workers import group, only_quiet
from tools.localcloud.emulator.replacing import Function, replaces

MOST_TRACES = 10_000

_group_of_trace: dict[str, str] = {}
_served: dict[str, "Served"] = {}
_serving = threading.Lock()


class Served:
    """The messages of one queue that are in flight, and its message groups.

    It reads the queue at each receive, so it does not matter how messages leave a queue. A message
    counts as finished from the next receive on. While there are messages, the pollers of a function
    receive some as soon as an invocation ends.
    """

    def __init__(self) -> None:
        """Begin with a queue of which nothing was received, or not since the last start."""
        self.groups = Groups()
        # By receipt handle: the group, the time of the receive, and that of the next delivery.
        self._in_flight: dict[str, tuple[str, float, float]] = {}

    def look(self, messages: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
        """Learn which messages are no longer in flight, and return the visible ones."""
        visible, there = [], {}
        for message in messages:
            sqs._ensure_msg_fields(message)
            if message["visible_at"] <= now:
                visible.append(message)
            elif message["receipt_handle"] is not None:
                there[message["receipt_handle"]] = message
        gone = self._in_flight.keys() - there.keys()
        waiting = {group_of(message) for message in visible} if gone else set()
        for handle in gone:
            name, since, until = self._in_flight.pop(handle)
            self.groups.finished(name, now, min(now, until) - since)
            if name not in waiting:
                self.groups.drained(name)
        self.take(there.values(), now)
        return visible

    def take(self, messages: Iterable[dict[str, Any]], now: float) -> None:
        """Learn which messages are in flight."""
        for message in messages:
            handle, name = message["receipt_handle"], group_of(message)
            if handle not in self._in_flight:
                self.groups.received(name, now)
            since = self._in_flight.get(handle, (name, now))[1]
            self._in_flight[handle] = name, since, message["visible_at"]


def group_of(message: dict[str, Any]) -> str:
    """Return the group of a message. Without one, it forms a separate group."""
    return str(message.get("group_id") or message["id"])


@replaces(sqs, "_collect_msgs", has="result = visible[:max_n]")
def deliver_quiet_groups_first(
    original: Function, queue: dict[str, Any], most: int, hidden_seconds: int
) -> Any:
    """Deliver messages of quiet groups before those of noisy ones: see `emulator.fair_queue`.

    ministack delivers the messages of a standard queue in the order of their arrival.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
    """
    if queue["is_fifo"]:
        return original(queue, most, hidden_seconds)
    now = time.time()
    with _serving:
        served = _served.setdefault(queue["attributes"]["QueueArn"], Served())
        visible = served.look(queue["messages"], now)
        ranks = {name: served.groups.rank(name, now) for name in {*map(group_of, visible)}}
        if only_quiet.get():
            visible = [m for m in visible if not ranks[group_of(m)][0]]
        # Among equals, the one that came first.
        first = heapq.nsmallest(most, visible, key=lambda message: ranks[group_of(message)])
        received: list[dict[str, Any]] = original(
            {**queue, "messages": first}, most, hidden_seconds
        )
        served.take(received, now)
        _remember(received)
    return received


def _remember(messages: list[dict[str, Any]]) -> None:
    """Remember the group that the trace of a message belongs to, for the last thousands of them."""
    for message in messages:
        trace = message["sys"].get("AWSTraceHeader")
        if trace and message["group_id"]:
            _group_of_trace.pop(trace, None)
            _group_of_trace[trace] = message["group_id"]
    while len(_group_of_trace) > MOST_TRACES:
        del _group_of_trace[next(iter(_group_of_trace))]


@replaces(stepfunctions, "_start_execution", has="contextvars.copy_context()")
def work_for_the_group_of_the_message(original: Function, data: dict[str, Any]) -> Any:
    """Let an execution work for the group of the message that has its trace: see `workers.group`.

    In AWS every invocation has its own process, so that no caller waits for another.
    """
    trace = data.get("traceHeader")
    token = group.set(_group_of_trace.get(trace) if trace else None)
    try:
        return original(data)
    finally:
        group.reset(token)


@replaces(lambda_svc, "_run_sqs_batch", has="(esm, func_rec, event, batch, queue_url, queue_name)")
def invoke_for_the_group_of_the_messages(original: Function, *args: Any) -> Any:
    """Let the function of a queue work for the group of its messages, if they have the same one."""
    *_, batch, _, _ = args
    groups = {group_of(message) for message in batch}
    token = group.set(groups.pop() if len(groups) == 1 else None)
    try:
        return original(*args)
    finally:
        group.reset(token)
