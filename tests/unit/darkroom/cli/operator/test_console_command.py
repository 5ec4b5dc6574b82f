"""`darkroom console`: which address it prints, and that it opens the same one."""

import pytest

from darkroom.cli.operator import commands
from tests.support.fakes.api import Api, darkroom

IN_AWS = "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser opens."""
    found: list[str] = []
    monkeypatch.setattr(commands.webbrowser, "open", found.append)
    return found


def test_a_task_opens_its_execution_in_the_console_of_aws(api: Api, opened: list[str]) -> None:
    api.add("t1", execution={"arn": "arn", "consoleUrl": IN_AWS})

    assert darkroom("console", "t1").stdout == f"{IN_AWS}\n"
    assert opened == [IN_AWS]


@pytest.mark.parametrize("execution", [None, {"arn": "arn", "consoleUrl": None}])
def test_a_task_without_a_console_opens_its_page(
    api: Api, opened: list[str], execution: dict[str, str | None] | None
) -> None:
    api.add("t1", execution=execution)

    done = darkroom("console", "t1", "--no-browser")

    assert done.stdout == f"{api.server.url_for('/dev')}/#/tasks/t1\n"
    assert opened == []


def test_a_task_that_does_not_exist_is_reported(api: Api, opened: list[str]) -> None:  # noqa: ARG001
    assert darkroom("console", "t9").exit_code == 1
    assert opened == []
