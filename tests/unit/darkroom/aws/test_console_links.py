import pytest

from darkroom.aws.console_links import execution_url, logs_url, machine_url

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
def test_each_partition_has_its_own_console(partition: str, region: str, host: str):
    machine = f"arn:{partition}:states:{region}:{ACCOUNT}:stateMachine:tasks"
    for url in (machine_url(machine), execution_url(machine, STARTED)):
        assert url.startswith(f"https://{host}/states/home?region={region}#/")
        assert url.endswith(machine)


def test_the_lines_of_a_log_group_about_a_task_have_a_link():
    arn = f"arn:aws:states:eu-west-1:{ACCOUNT}:execution:tasks:5b0c-1"

    assert logs_url(arn, "/aws/lambda/darkroom", "5b0c-1", STARTED, STARTED) == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fdarkroom/log-events"
        "$3FfilterPattern$3D$25225b0c-1$2522$26start$3D1795580792624$26end$3D1795580792624"
    )
    assert "end" not in logs_url(arn, "g", "x", STARTED, None).partition("log-events")[2]
