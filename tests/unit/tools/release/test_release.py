"""What a stage does when a release fails. The whole pipeline is tested in
integration/release/test_pipeline.py."""

import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, WaiterError

import tools.release.release
from darkroom.cli.stack import NoStack
from tools.accept.report import FAILED, NOT_CHECKED, Line, Report
from tools.localcloud.cloud import PROJECT
from tools.release.accounts import Account
from tools.release.release import (
    NotAccepted,
    ReleaseFailed,
    Running,
    deploy,
    release,
    running,
    verify,
)
from tools.release.stages import stages

DEV = stages()["dev"]
EARLIER = Running("the template", {"Release": "first", "Deployment": "Canary"})
ACCOUNT = Account(region="eu-central-1", bucket="b", role="r", boundary="arn:boundary")


class Runs:
    """Replaces CloudFormation and the test of a stage; records what was deployed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, before: Running | None, failure: str = ""):
        self.deployed: list[tuple[str, dict[str, str]]] = []
        self.stuck = False
        self.failure = failure
        monkeypatch.setattr(tools.release.release, "running", lambda *_: before)
        monkeypatch.setattr(tools.release.release, "deploy", self.deploy)
        monkeypatch.setattr(tools.release.release, "verify", self.verify)

    def deploy(self, _: Any, __: Any, template: Path, parameters: dict[str, str]) -> None:
        if self.stuck and self.deployed:
            raise ReleaseFailed("CloudFormation says no.")
        text = template.read_text() if template.exists() else str(template)
        self.deployed.append((text, parameters))

    def verify(self, *_: Any) -> Report:
        if self.failure:
            raise NotAccepted(self.failure)
        return Report()


def run(said: list[str] | None = None) -> None:
    release(ACCOUNT, DEV, Path("build"), "second", (said if said is not None else []).append)


def test_a_release_is_deployed_with_the_stages_parameters_its_name_and_the_boundary(monkeypatch):
    runs = Runs(monkeypatch, EARLIER)
    run()
    (template, parameters), *more = runs.deployed
    assert (template, more) == ("build/template.yaml", [])
    own = {"Release": "second", "PermissionsBoundary": "arn:boundary"}
    assert parameters == DEV.parameters | own


def test_a_failed_test_restores_the_previous_release_at_once(monkeypatch):
    runs = Runs(monkeypatch, EARLIER, "A picture is FAILED.")
    with pytest.raises(ReleaseFailed, match=r"A picture is FAILED\. darkroom-dev runs first again"):
        run()
    assert runs.deployed[1:] == [
        ("the template", {"Release": "first", "Deployment": "AllAtOnce"}),
    ]


def test_a_first_release_that_fails_has_nothing_to_go_back_to(monkeypatch):
    runs = Runs(monkeypatch, None, "A picture is FAILED.")
    with pytest.raises(ReleaseFailed, match="no earlier release to roll back to"):
        run()
    assert len(runs.deployed) == 1


class Left:
    """Replaces CloudFormation, with the stack that a failed creation has left."""

    def __init__(self, *, deletable: bool) -> None:
        self.there = True
        self.deletable = deletable

    def describe_stacks(self, **_: Any) -> Any:
        if not self.there:
            raise ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]}

    def delete_stack(self, **asked: str) -> None:
        assert asked == {"StackName": DEV.stack_name}
        self.there = not self.deletable

    def get_waiter(self, name: str) -> Any:
        assert name == "stack_delete_complete"

        def wait(**_: Any) -> None:
            if self.there:
                raise WaiterError(name, "it is DELETE_FAILED", {})

        return SimpleNamespace(wait=wait)


def test_what_a_failed_first_release_has_left_is_deleted_before_the_next():
    left = Left(deletable=True)
    assert running(SimpleNamespace(client=lambda _: left), DEV) is None
    assert not left.there


def test_what_cannot_be_deleted_is_named():
    left = Left(deletable=False)
    with pytest.raises(ReleaseFailed, match=r"darkroom-dev was never created.*DELETE_FAILED"):
        running(SimpleNamespace(client=lambda _: left), DEV)


def test_a_stage_that_cannot_be_rolled_back_is_reported(monkeypatch):
    runs = Runs(monkeypatch, EARLIER, "A picture is FAILED.")
    runs.stuck = True
    with pytest.raises(ReleaseFailed, match="roll back to first failed: CloudFormation says no"):
        run()


@pytest.mark.parametrize(
    "error", [NoStack("gone"), EndpointConnectionError(endpoint_url="http://x")], ids=type
)
def test_a_stack_that_cannot_be_asked_has_failed_its_test(monkeypatch, error: Exception):
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Account, "stack", fail)
    with pytest.raises(NotAccepted, match="darkroom-dev cannot be tested"):
        verify(ACCOUNT, DEV, "second")


def test_a_failed_check_is_named_and_an_unchecked_one_is_not(monkeypatch):
    lines = [Line("batch", FAILED, "seen: FAILED", 1.0), Line("trace", NOT_CHECKED, "none", 0.0)]
    asked: list[Any] = []

    def accept(*arguments: Any, **_: Any) -> Report:
        asked.extend(arguments)
        return Report(lines=lines)

    monkeypatch.setattr(Account, "stack", lambda _, name: name)
    monkeypatch.setattr(tools.release.release, "accept", accept)
    with pytest.raises(NotAccepted) as raised:
        verify(ACCOUNT, DEV, "second")

    assert asked == ["darkroom-dev", "dev", "second"]
    assert "batch: seen: FAILED" in str(raised.value)
    assert "trace" not in str(raised.value)


def test_a_release_goes_to_the_region_of_its_account_whatever_the_environment_says(monkeypatch):
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(tools.release.release.subprocess, "run", run)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    deploy(ACCOUNT, DEV, Path("template.yaml"), {})

    (command,) = commands
    assert f"--region={ACCOUNT.region}" in command
    assert ACCOUNT.client("cloudformation").meta.region_name == ACCOUNT.region
    # A region in samconfig.toml would win over every setting but the option.
    for settings in tomllib.loads((PROJECT / "samconfig.toml").read_text()).values():
        for section in settings.values() if isinstance(settings, dict) else ():
            assert "region" not in section["parameters"]
