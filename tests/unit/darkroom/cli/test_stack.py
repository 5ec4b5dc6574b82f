import json
import webbrowser
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from darkroom.cli import stack
from darkroom.cli.main import app


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder from which no stack can be found."""
    for variable in ("API_URL", "API_KEY", "STACK", "REGION"):
        monkeypatch.delenv(f"DARKROOM_{variable}", raising=False)
    monkeypatch.setattr(stack, "PROJECT", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def darkroom(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


LOCAL = {"endpointUrl": "http://127.0.0.1:1", "accessKeyId": "AKIA", "secretAccessKey": "x"}


def write_stack_file(folder: Path, api_url: str = "http://127.0.0.1:1", **more: str | None) -> None:
    (folder / ".local").mkdir()
    (folder / ".local" / "stack.json").write_text(
        json.dumps({"apiUrl": api_url, "apiKey": "the-key", **more})
    )


@pytest.mark.usefixtures("nowhere")
def test_without_a_stack_it_says_how_to_get_one() -> None:
    done = darkroom("list")

    assert done.exit_code == 1
    assert "`make up`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_stack_file_of_a_folder_above_is_found(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack_file(nowhere, consoleUrl="https://console.example")
    (nowhere / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(nowhere / "deep" / "down")

    assert darkroom("console", "--no-browser").stdout == "https://console.example\n"


def test_a_stack_file_that_is_broken_is_named(nowhere: Path) -> None:
    (nowhere / ".local").mkdir()
    (nowhere / ".local" / "stack.json").write_text("{")

    assert "stack.json cannot be read. Run `make up` to write it again." in darkroom("list").stderr


def test_a_stack_file_of_before_there_were_credentials_is_named(nowhere: Path) -> None:
    write_stack_file(nowhere, endpointUrl=LOCAL["endpointUrl"])

    assert "stack.json cannot be read. Run `make up` to write it again." in darkroom("list").stderr


def test_a_stack_does_not_show_its_secrets(nowhere: Path) -> None:
    write_stack_file(nowhere, **LOCAL | {"secretAccessKey": "the-secret"})

    shown = repr(stack.find())

    assert "the-secret" not in shown
    assert "the-key" not in shown


@pytest.mark.usefixtures("nowhere")
def test_half_of_the_environment_is_no_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DARKROOM_API_URL", "http://127.0.0.1:1")

    assert "Set both DARKROOM_API_URL and DARKROOM_API_KEY" in darkroom("list").stderr


def test_console_opens_a_browser(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stack_file(nowhere, consoleUrl="https://console.example")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    darkroom("console")

    assert opened == ["https://console.example"]


def test_the_local_cloud_has_no_console_and_says_what_to_use(nowhere: Path) -> None:
    write_stack_file(nowhere, consoleUrl=None, **LOCAL)

    done = darkroom("console")

    assert done.exit_code == 1
    assert "`darkroom logs TASK`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("nowhere")
def test_a_stack_in_aws_is_asked_for_its_address_key_and_console(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = "arn:aws:states:eu-central-1:000000000000:stateMachine:tasks"
    outputs = {"ApiUrl": "https://a.example/prod", "ApiKeyId": "k1", "StateMachineArn": machine}

    class Aws:
        def describe_stacks(self, **_: str) -> dict[str, Any]:
            described = [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]
            return {"Stacks": [{"Outputs": described}]}

        def get_api_key(self, *, apiKey: str, includeValue: bool) -> dict[str, str]:  # noqa: N803
            return {"value": f"value of {apiKey}" if includeValue else ""}

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Aws())

    found = stack.find("darkroom-prod", "eu-central-1")

    assert (found.api_url, found.api_key) == ("https://a.example/prod", "value of k1")
    assert found.endpoint_url is None
    assert found.console_url is not None
    assert found.console_url.startswith("https://eu-central-1.console.aws.amazon.com/states/")
    assert found.console_url.endswith(machine)


@pytest.mark.parametrize(
    ("environment", "options", "wanted"),
    [
        ({"DARKROOM_STACK": "a"}, [], ("a", None)),
        ({"DARKROOM_STACK": "a"}, ["--stack", "b"], ("b", None)),
        ({"DARKROOM_STACK": "a", "DARKROOM_REGION": "eu-west-1"}, [], ("a", "eu-west-1")),
        ({"DARKROOM_REGION": "eu-west-1"}, ["--stack", "b", "--region", "r"], ("b", "r")),
        (
            {"DARKROOM_STACK": "a", "DARKROOM_API_URL": "u", "DARKROOM_API_KEY": "k"},
            [],
            ("a", None),
        ),
        ({"DARKROOM_STACK": ""}, [], (None, None)),
        ({"DARKROOM_REGION": "eu-west-1"}, [], (None, None)),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_an_option_has_precedence_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    options: list[str],
    wanted: tuple[str | None, str | None],
) -> None:
    asked: list[tuple[str | None, str | None]] = []
    monkeypatch.setattr(stack, "find", lambda *target: asked.append(target) or stack.Stack("", ""))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    darkroom(*options, "console")

    assert asked == [wanted]


def test_advice_names_the_stack_of_the_interrupted_command(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack_file(nowhere, consoleUrl=None, **LOCAL)
    monkeypatch.setenv("DARKROOM_STACK", "my stack")
    monkeypatch.setattr(stack, "find", lambda *_: stack.Stack("", "", endpoint_url="http://x"))

    assert "`darkroom --stack 'my stack' logs TASK`" in darkroom("console").stderr


def test_a_stopped_local_cloud_is_detected_at_once(nowhere: Path) -> None:
    write_stack_file(nowhere, savedUrl="http://127.0.0.1:1/saved", **LOCAL)

    done = darkroom("list")

    assert done.exit_code == 1
    assert done.stderr == (
        "The local cloud is not running: 127.0.0.1:1 does not answer. Start it with `make up`.\n"
    )


def test_doctor_examines_a_local_cloud_that_does_not_run(nowhere: Path) -> None:
    write_stack_file(nowhere, savedUrl="http://127.0.0.1:1/saved", **LOCAL)

    done = darkroom("doctor")

    assert done.exit_code == 1
    assert done.stdout.startswith("fail  API")
