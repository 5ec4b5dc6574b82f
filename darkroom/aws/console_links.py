"""Links to state machines, executions and logs in the AWS console. Rules only, no AWS."""

import datetime
from urllib.parse import quote

# https://docs.aws.amazon.com/general/latest/gr/console-service.html, and for the other partitions
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/using-govcloud-endpoints.html
DOMAINS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def execution_url(arn: str, started: str) -> str:
    """Return the URL of an execution in the console.

    Args:
        arn: the execution's ARN, which contains `:express:` if its machine is EXPRESS.
        started: when it began, in ISO 8601. Too early is better than too late, because the console
            reads the logs of an Express execution from this time on.
    """
    if ":express:" not in arn:
        return f"{_home(arn)}#/v2/executions/details/{arn}"
    start = _milliseconds(started)
    return f"{_home(arn)}#/express-executions/details/{arn}?startDate={start}"


def machine_url(arn: str) -> str:
    """Return the URL of a state machine with its executions in the console."""
    return f"{_home(arn)}#/statemachines/view/{arn}"


def logs_url(arn: str, group: str, term: str, since: str, until: str | None) -> str:
    """Return the URL of the lines of a log group that contain a term.

    The console encodes what follows the group's name twice, with "$" instead of "%". AWS does not
    document that: it is what the console's own address bar shows.

    Args:
        arn: any ARN of the same partition and region.
        group: the name of the log group.
        term: the word that the lines contain.
        since: the first moment, in ISO 8601.
        until: the last one; None: now.
    """
    query = {"filterPattern": f'"{term}"', "start": _milliseconds(since)}
    if until:
        query["end"] = _milliseconds(until)
    events = "?" + "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    place = f"{_twice(group)}/log-events{quote(events, safe='').replace('%', '$')}"
    return f"{_home(arn, 'cloudwatch')}#logsV2:log-groups/log-group/{place}"


def _twice(text: str) -> str:
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _milliseconds(moment: str) -> int:
    return int(datetime.datetime.fromisoformat(moment).timestamp() * 1000)


def _home(arn: str, service: str = "states") -> str:
    _, partition, _, region, *_ = arn.split(":")
    domain = DOMAINS.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{domain}/{service}/home?region={region}"
