"""The states of an execution: from its history or, for an Express execution, from its log group."""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from darkroom.aws.logs import LogGroup
from darkroom.cli import aws, render
from darkroom.cli.errors import CommandError
from darkroom.cli.render import LINES, NUMBER, WORD
from darkroom.cli.stack import Stack
from darkroom.cli.terminal import times
from darkroom.cli.terminal.tables import Sheet
from darkroom.tasks.history import Event, Visit, from_history, logged, visits

LONGEST_AFTER_END = datetime.timedelta(minutes=6)
"""An execution ends within this time after its task: 5 minutes, plus 1 because clocks differ."""


class NoHistory(CommandError):
    """The history of an execution, or the logs, cannot be read."""


def described(visit: Visit) -> dict[str, Any]:
    """Return a visit of a state as a JSON object."""
    return {
        "kind": "state",
        "state": visit.state,
        "enteredAt": times.iso(visit.entered),
        "leftAt": times.iso(visit.left),
        "retries": visit.retries,
        "error": visit.error,
        "message": visit.message or None,
    }


def is_express(arn: str) -> bool:
    """Whether an execution is an Express execution."""
    return ":express:" in arn


def read(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None = None
) -> list[Visit]:
    """Return the states that an execution visited, in order.

    Logs are searched from `since`, a moment before its start, until some minutes after its task
    `ended`: without that, all logs until today are read.

    Raises:
        NoHistory: it does not exist, has expired, or cannot be read.
    """
    try:
        if is_express(arn):
            return visits(_logged(stack, arn, since, ended))
        pages = stack.client("stepfunctions").get_paginator("get_execution_history")
        return visits(
            from_history(event)
            for page in pages.paginate(executionArn=arn)
            for event in page["events"]
        )
    except aws.AwsError as error:
        raise NoHistory(f"The history cannot be read: {aws.message(error)}") from error


def visit_table(visits: Iterable[Visit]) -> Sheet:
    """Return the states of an execution, a row each."""
    columns = {
        "state": WORD,
        f"started ({times.ZONE})": WORD,
        "took": NUMBER,
        "retries": NUMBER,
        "outcome": LINES,
    }
    rows = (
        (
            render.clean(visit.state),
            times.clock(visit.entered),
            render.seconds(visit.seconds),
            str(visit.retries) if visit.retries else "",
            _outcome(visit),
        )
        for visit in visits
    )
    return render.table(columns, rows)


def _outcome(visit: Visit) -> Text:
    if visit.error:
        return Text(render.clean(f"{visit.error}: {visit.message}"), "red")
    if visit.left is None:
        return Text("running", "cyan")
    after = f" after {', '.join(dict.fromkeys(visit.failures))}" if visit.failures else ""
    return Text(render.clean(f"ok{after}"), "green")


def is_cut_short(arn: str, visits: Sequence[Visit]) -> bool:
    """Whether the log of an Express execution has no end: not yet, or never."""
    return is_express(arn) and (not visits or visits[-1].left is None)


def _logged(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[Event]:
    """Return the events of an Express execution from the state machine's log group."""
    group = stack.outputs.get("StateMachineLogGroup")
    if not group:
        raise NoHistory(
            "The history of an Express execution is in the log group of its state machine, and "
            "that group is not known here. Use --stack to name the stack."
        )
    lines = search(stack, group, arn, since, ended and ended + LONGEST_AFTER_END)
    events = logged(lines, arn)
    if not events:
        raise NoHistory(
            f"The history of an Express execution is in the log group {group}, which has no entry "
            f"for {arn}. Logs arrive some seconds late: try again in a minute. If there is still "
            "no entry, it has expired, or `Logging` in template.yaml excludes it."
        )
    return events


def search(
    stack: Stack,
    group: str,
    term: str,
    since: datetime.datetime,
    until: datetime.datetime | None,
) -> list[str]:
    """Return the messages of a log group that contain a term, in a period.

    Raises:
        BotoCoreError, ClientError: the log group cannot be read.
    """
    pages = LogGroup(stack.client("logs"), group).lines(term, since, until)
    return [line for page in pages for line in page]
