"""`make pipeline-local`: release to all stages of an empty local cloud, like the workflow."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tools.localcloud import ports
from tools.localcloud.cloud import PROJECT, LocalCloud, LocalCloudError
from tools.release.accounts import LocalAccount
from tools.release.release import SAM, ReleaseFailed, release
from tools.release.stages import Stage, stages


def main() -> None:
    """Build, then release to every stage; exit with the reason if a release fails."""
    screen = Console(highlight=False)
    began = time.monotonic()

    def progress(sentence: str) -> None:
        screen.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {sentence}")

    with tempfile.TemporaryDirectory() as folder:
        cloud = LocalCloud(Path(folder, "cloud"), ports.unused())
        try:
            progress("check: make lint [dim](the workflow also runs make test)[/]")
            subprocess.run(["make", "--silent", "lint"], cwd=PROJECT, check=True)  # noqa: S607
            progress("build, once for all stages")
            built = build(Path(folder, "build"))
            progress("start an empty local cloud")
            cloud.start()
            for stage in stages().values():
                if stage.name == "prod":
                    progress("approve: on GitHub, a person approves the environment prod")
                release(account(cloud, stage), stage, built, commit(), progress)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{' '.join(map(str, error.cmd))} failed.\n{error.stderr or ''}")
        except (LocalCloudError, ReleaseFailed) as error:
            sys.exit(str(error))
        finally:
            cloud.stop()
    screen.print("[bold green]All stages run the release.[/]")


def build(folder: Path) -> Path:
    """Build for this machine, as `make build TARGET=laptop` does, into a folder; return the folder.

    Raises:
        subprocess.CalledProcessError: the build failed; `stderr` says why.
    """
    subprocess.run(  # noqa: S603 - our own tool
        [SAM, "build", "--build-dir", folder],
        cwd=PROJECT,
        env=os.environ | {"TARGET": "laptop", "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder


def commit() -> str:
    """Return the release's name: the first ten characters of the current commit."""
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return head.stdout[:10]


def account(cloud: LocalCloud, stage: Stage) -> LocalAccount:
    """Deploy infra/pipeline.yaml for a stage to a local cloud; return it as the stage's account.

    Raises:
        botocore.exceptions.WaiterError: infra/pipeline.yaml cannot be deployed.
    """
    name = f"darkroom-pipeline-{stage.name}"
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(PROJECT / "infra" / "pipeline.yaml").read_text(),
        Parameters=[
            {"ParameterKey": "Stage", "ParameterValue": stage.name},
            {"ParameterKey": "Repository", "ParameterValue": "local/darkroom"},
            # The local cloud has no identity providers.
            {"ParameterKey": "GitHubProvider", "ParameterValue": "arn:aws:iam::0:oidc-provider/x"},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return LocalAccount(
        region=cloud.region,
        bucket=outputs["ArtifactsBucket"],
        role=outputs["CloudFormationRole"],
        boundary=outputs["PermissionsBoundary"],
        cloud=cloud,
    )


if __name__ == "__main__":
    main()
