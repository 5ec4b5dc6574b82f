import pytest

from darkroom.aws.console_links import execution_url, machine_url

STARTED = "2026-11-25T04:26:32.624Z"
ACCOUNT = "123456789012"


def test_a_standard_execution_is_shown_from_its_history():
    arn = f"arn:aws:states:eu-south-2:{ACCOUNT}:execution:tasks:5b0c-1"

    assert execution_url(arn, STARTED) == (
        "https://eu-south-2.console.aws.amazon.com/states/home?region=eu-south-2"
        f"#/v2/executions/details/{arn}"
    )


def test_an_express_execution_is_shown_from_its_logs_since_its_start():
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:express:tasks:5b0c-1:6f2d"

    assert execution_url(arn, STARTED) == (
        "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
        f"#/express-executions/details/{arn}?startDate=1795580792624"
    )


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "us-east-1", "us-east-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_a_console_of_its_own(partition: str, region: str, host: str):
    machine = f"arn:{partition}:states:{region}:{ACCOUNT}:stateMachine:tasks"
    for url in (machine_url(machine), execution_url(machine, STARTED)):
        assert url.startswith(f"https://{host}/states/home?region={region}#/")
        assert url.endswith(machine)
