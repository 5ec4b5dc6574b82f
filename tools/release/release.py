"""Release a build to a stage: deploy it, test it, and roll back if the test fails."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from darkroom.cli.stack import NoStack
from tools.accept.promises import accept
from tools.accept.report import Report
from tools.localcloud.cloud import PROJECT, TOOLS
from tools.localcloud.deploy import can_be_updated
from tools.release.accounts import Account
from tools.release.stages import Stage

SAM = TOOLS / "sam" / "bin" / "sam"


class ReleaseFailed(Exception):
    """A release failed. The message says why, and what the stage runs now."""


class NotAccepted(Exception):
    """A stage does not keep a promise, or cannot be tested. The message says what went wrong."""


@dataclass(frozen=True)
class Running:
    """What a stack was deployed with: its template, which names packages in S3, and parameters."""

    template: str
    parameters: Mapping[str, str]


def release(
    account: Account, stage: Stage, build: Path, version: str, progress: Callable[[str], None]
) -> Report:
    """Release a build to a stage; return the report of its acceptance test.

    Args:
        account: of the stage.
        stage: to release to.
        build: the folder of `sam build`; the same for every stage.
        version: the parameter `Release`, the first ten characters of the commit.
        progress: called with a sentence before each step.

    Raises:
        ReleaseFailed: one of three. CloudFormation rolled back, because of an alarm or an error. Or
            the stage's test failed; then the message says whether the stage was rolled back. Or
            the remains of a failed first release could not be deleted.
    """
    before = running(account, stage)
    progress(f"{stage.stack_name}: deploy {version}")
    own = {"Release": version, "PermissionsBoundary": account.boundary}
    deploy(account, stage, account.template(build), stage.parameters | own)
    progress(f"{stage.stack_name}: test {version}")
    try:
        report = verify(account, stage, version)
    except NotAccepted as error:
        if before is None:
            raise ReleaseFailed(f"{error} There is no earlier release to roll back to.") from error
        earlier = before.parameters.get("Release") or "the earlier release"
        progress(f"{stage.stack_name}: {error} Roll back to {earlier}")
        try:
            roll_back(account, stage, before)
        except ReleaseFailed as failed:
            message = f"{error} The roll back to {earlier} failed: {failed}"
            raise ReleaseFailed(message) from error
        raise ReleaseFailed(f"{error} {stage.stack_name} runs {earlier} again.") from error
    progress(f"{stage.stack_name}: {version} is live")
    return report


def verify(account: Account, stage: Stage, version: str) -> Report:
    """Run the acceptance test of a stage: see `tools.accept`.

    Raises:
        NotAccepted: a promise failed, or the stack cannot be read.
    """
    try:
        stack = account.stack(stage.stack_name)
        # An alarm that is on may be the reason for this release.
        report = accept(stack, stage.name, version, alarms_may_be_on=True)
    except (NoStack, BotoCoreError, ClientError) as error:
        raise NotAccepted(f"{stage.stack_name} cannot be tested: {error}") from error
    if report.failed:
        lines = "".join(f"\n  {line.promise}: {line.detail}" for line in report.failed)
        raise NotAccepted(f"{stage.stack_name} does not keep its promises:{lines}\n")
    return report


def running(account: Account, stage: Stage) -> Running | None:
    """Return what a stage runs; None if it was never deployed successfully.

    AWS does not update a stack whose creation failed, and the SAM CLI does not delete it. So it is
    deleted here, so that the next release can create it again.

    Raises:
        ReleaseFailed: the stack whose creation failed could not be deleted.
    """
    cloudformation = account.client("cloudformation")
    try:
        if not can_be_updated(cloudformation, stage.stack_name):
            return None
    except WaiterError as error:
        raise ReleaseFailed(
            f"{stage.stack_name} was never created, and cannot be deleted: {error} "
            "Delete it by hand; the CloudFormation console shows what prevents it."
        ) from error
    stack = cloudformation.describe_stacks(StackName=stage.stack_name)["Stacks"][0]
    body = cloudformation.get_template(StackName=stage.stack_name, TemplateStage="Original")
    template = body["TemplateBody"]
    return Running(
        template if isinstance(template, str) else json.dumps(template),
        {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])},
    )


def roll_back(account: Account, stage: Stage, before: Running) -> None:
    """Deploy the previous release of a stage again. Its packages are still in the bucket.

    Traffic is not shifted gradually: the live release is known to be bad, and an alarm may be on,
    which would stop a gradual deployment.
    """
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template.yaml")
        template.write_text(before.template)
        deploy(account, stage, template, {**before.parameters, "Deployment": "AllAtOnce"})


def deploy(account: Account, stage: Stage, template: Path, parameters: Mapping[str, str]) -> None:
    """Run `sam deploy` with the settings of a stage.

    Raises:
        ReleaseFailed: the deployment failed, and CloudFormation has undone any changes.
    """
    done = subprocess.run(  # noqa: S603 - our own tool
        [
            SAM,
            "deploy",
            f"--config-file={PROJECT / 'samconfig.toml'}",
            f"--config-env={stage.config_env}",
            f"--region={account.region}",
            f"--template-file={template}",
            f"--s3-bucket={account.bucket}",
            f"--s3-prefix={stage.stack_name}",
            "--no-resolve-s3",
            f"--role-arn={account.role}",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
            *(f'{name}="{value}"' for name, value in parameters.items()),
        ],
        cwd=PROJECT,
        env={**account.environment(), "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseFailed(
            f"{stage.stack_name} runs what it ran before.\n{done.stdout}{done.stderr}"
        )
