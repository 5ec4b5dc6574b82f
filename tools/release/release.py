"""What a stage does with a build: deploy it, test it, go back to what ran before if it fails."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import WaiterError

from tools.localcloud.cloud import PROJECT, TOOLS
from tools.localcloud.deploy import can_be_updated
from tools.release.accounts import Account
from tools.release.smoke import SmokeFailed, smoke
from tools.release.stages import Stage

SAM = TOOLS / "sam" / "bin" / "sam"


class ReleaseFailed(Exception):
    """A build was not taken by a stage; the message says why, and what the stage runs."""


@dataclass(frozen=True)
class Running:
    """What a stack was deployed from: its template, which names packages in S3, and parameters."""

    template: str
    parameters: Mapping[str, str]


def release(
    account: Account, stage: Stage, build: Path, version: str, tell: Callable[[str], None]
) -> None:
    """Bring a build into a stage.

    Args:
        account: where the stage is.
        stage: which one.
        build: the folder that `sam build` has made; the same for every stage.
        version: the parameter `Release`, the first ten characters of the commit.
        tell: is given a sentence for each thing that is done.

    Raises:
        ReleaseFailed: CloudFormation went back, because of an alarm or an error, or the test of
            the stage failed and the stage was brought back to what ran before, or could not be; or
            what a failed first release has left is in the way.
    """
    before = running(account, stage)
    tell(f"{stage.stack_name}: deploy {version}")
    own = {"Release": version, "PermissionsBoundary": account.boundary}
    deploy(account, stage, account.template(build), stage.parameters | own)
    tell(f"{stage.stack_name}: test {version}")
    try:
        smoke(account, stage.stack_name, version)
    except SmokeFailed as error:
        if before is None:
            raise ReleaseFailed(f"{error} There is no earlier release to go back to.") from error
        earlier = before.parameters.get("Release") or "the earlier release"
        tell(f"{stage.stack_name}: {error} Go back to {earlier}")
        try:
            go_back(account, stage, before)
        except ReleaseFailed as stuck:
            raise ReleaseFailed(f"{error} It could not go back to {earlier}: {stuck}") from error
        raise ReleaseFailed(f"{error} {stage.stack_name} runs {earlier} again.") from error
    tell(f"{stage.stack_name}: {version} is live")


def running(account: Account, stage: Stage) -> Running | None:
    """Return what a stage runs; None if it has never been deployed.

    AWS updates no stack whose creation failed, and the SAM CLI does not delete it: it is deleted
    here, so that a release that mends it can follow.

    Raises:
        ReleaseFailed: what a failed creation has left could not be deleted.
    """
    cloudformation = account.client("cloudformation")
    try:
        if not can_be_updated(cloudformation, stage.stack_name):
            return None
    except WaiterError as error:
        raise ReleaseFailed(
            f"{stage.stack_name} was never created, and cannot be deleted: {error} "
            "Delete it by hand; CloudFormation's console says what is in the way."
        ) from error
    stack = cloudformation.describe_stacks(StackName=stage.stack_name)["Stacks"][0]
    body = cloudformation.get_template(StackName=stage.stack_name, TemplateStage="Original")
    template = body["TemplateBody"]
    return Running(
        template if isinstance(template, str) else json.dumps(template),
        {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])},
    )


def go_back(account: Account, stage: Stage, before: Running) -> None:
    """Deploy once more what a stage ran before. Its packages are still in the bucket.

    Nothing is shifted gradually: what is live is known to be bad, and alarms may be on.
    """
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template.yaml")
        template.write_text(before.template)
        deploy(account, stage, template, {**before.parameters, "Deployment": "AllAtOnce"})


def deploy(account: Account, stage: Stage, template: Path, parameters: Mapping[str, str]) -> None:
    """Run `sam deploy` with the settings of a stage.

    Raises:
        ReleaseFailed: CloudFormation has undone the change, or there is an error in it.
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
