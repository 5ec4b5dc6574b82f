"""Links to a state machine and its executions in the AWS console. Rules only, no AWS."""

import datetime

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
    milliseconds = int(datetime.datetime.fromisoformat(started).timestamp() * 1000)
    return f"{_home(arn)}#/express-executions/details/{arn}?startDate={milliseconds}"


def machine_url(arn: str) -> str:
    """Return the URL of a state machine with its executions in the console."""
    return f"{_home(arn)}#/statemachines/view/{arn}"


def _home(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    domain = DOMAINS.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{domain}/states/home?region={region}"
