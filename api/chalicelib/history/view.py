"""The history of a task's execution as clients see it: see `responses`."""

import datetime
import json
import os
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chalicelib.history.service import MISSING, Found
from darkroom.aws.console_links import logs_url
from darkroom.aws.execution_failures import readable
from darkroom.runtime.clock import timestamp
from darkroom.runtime.redaction import redacted, redacted_data
from darkroom.tasks.history import Event, Try, Visit, failure_of
from darkroom.tasks.store import Item

MAX_DATA = 8192
"""Characters of one input or output. A task's own are much smaller."""
MAX_SHOWN = 1000
"""Events or log lines of one response. The response of Lambda is limited to 6 MiB."""

Json = dict[str, Any]
Entry = TypeVar("Entry")


def history_view(item: Item, attempt: int, found: Found, execution: Json | None) -> Json:
    """Return the view of a history.

    Args:
        item: the task.
        attempt: the attempt whose execution it is.
        found: what was read.
        execution: `arn` and `consoleUrl` of the execution, if there is one.
    """
    history = found.history
    events = history.events
    shown = both_ends(events)
    return {
        "taskId": item["taskId"],
        "attempt": attempt,
        "execution": execution and {**execution, "logsUrl": _logs_url(item, execution)},
        "status": history.status,
        "startedAt": _time(history.started),
        "endedAt": _time(history.ended),
        "redrives": history.redrives,
        **_failure(history.error, history.message),
        **_data(history.input, history.output),
        "states": [_visit(visit) for visit in history.visits[:MAX_SHOWN]],
        "events": [_event(event, state) for event, state in shown],
        "complete": found.complete and len(shown) == len(events),
        "missing": found.missing and {"code": found.missing, "message": MISSING[found.missing]},
    }


def both_ends(entries: list[Entry]) -> list[Entry]:
    """Return the entries; of more than `MAX_SHOWN` the first and the last ones, half each."""
    half = MAX_SHOWN // 2
    return entries if len(entries) <= MAX_SHOWN else [*entries[:half], *entries[-half:]]


def _logs_url(item: Item, execution: Json) -> str | None:
    """Return the link to the log lines of a task; None if the AWS console does not have them."""
    # Lambda sets it: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    url = execution["consoleUrl"]
    if not group or url is None or not urlsplit(url).path.startswith("/states/"):
        return None
    ended = item.get("completedAt")
    return logs_url(execution["arn"], group, item["taskId"], item["createdAt"], ended)


def _visit(visit: Visit) -> Json:
    return {
        "name": visit.state,
        "type": visit.kind,
        "outcome": visit.outcome.value,
        "enteredAt": _time(visit.entered),
        "leftAt": _time(visit.left),
        **_failure(visit.error, visit.message),
        "tries": [_try(each) for each in visit.tries],
        **_data(visit.input, visit.output),
    }


def _try(each: Try) -> Json:
    return {
        "startedAt": _time(each.started),
        "endedAt": _time(each.ended),
        "seconds": (each.ended - each.started).total_seconds() if each.ended else None,
        **_failure(each.error, each.message),
    }


def _event(event: Event, state: str | None) -> Json:
    error = cause = None
    if "error" in event.details or "cause" in event.details:
        failure = failure_of(state or "", event)
        error = failure["error"]
        cause = readable(event.details.get("cause")) or None
    return {
        "id": event.number,
        "at": _time(event.time),
        "type": event.type,
        "state": state,
        **_failure(error, cause or ""),
    }


def _failure(error: str | None, message: str) -> Json:
    # The message of a failure was redacted when it was raised, that of another service was not.
    return {"error": error, "cause": redacted(message) if error and message else None}


def _data(given: str | None, returned: str | None) -> Json:
    """Return `input` and `output` without secrets, and the names of those that are too large."""
    data: Json = {"input": None, "output": None, "omitted": []}
    for name, text in (("input", given), ("output", returned)):
        if text is None:
            continue
        if len(text) > MAX_DATA:
            data["omitted"].append(name)
            continue
        try:
            data[name] = redacted_data(_in_words(json.loads(text)))
        except (ValueError, RecursionError):
            data["omitted"].append(name)
    return data


def _in_words(value: Any) -> Any:
    """Return data with each `Cause` as a sentence: that of a function holds a stack trace."""
    if isinstance(value, list):
        return [_in_words(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: readable(part) if name == "Cause" and isinstance(part, str) else _in_words(part)
        for name, part in value.items()
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return timestamp(moment.astimezone(datetime.UTC)) if moment else None
