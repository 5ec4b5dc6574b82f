"""Where the AWS console shows a state machine and its executions. Rules only, no AWS."""

import datetime

# https://docs.aws.amazon.com/general/latest/gr/console-service.html, and of the other partitions
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/using-govcloud-endpoints.html
DOMAINS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def execution_url(arn: str, started: str) -> str:
    """Return where a person sees an execution.

    Args:
        arn: the execution's. `:express:` in it says of which type its machine is.
        started: when it began, ISO 8601, and rather too early than too late: the console reads an
            Express execution from its logs, from that moment on.
    """
    if ":express:" not in arn:
        return f"{_home(arn)}#/v2/executions/details/{arn}"
    moment = int(datetime.datetime.fromisoformat(started).timestamp() * 1000)
    return f"{_home(arn)}#/express-executions/details/{arn}?startDate={moment}"


def machine_url(arn: str) -> str:
    """Return where a person sees a state machine with its executions."""
    return f"{_home(arn)}#/statemachines/view/{arn}"


def _home(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    domain = DOMAINS.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{domain}/states/home?region={region}"
