"""The real SAM CLI builds and deploys the same template into an empty local cloud."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import PROJECT, TOOLS, LocalCloud
from local.deploy import describe
from ports import free_port
from sources import Sources
from stacks import Stack

SAM = TOOLS / "sam" / "bin" / "sam"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def empty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("sam"), free_port())
    cloud.start()
    yield cloud
    cloud.stop()


def sam(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [SAM, *arguments],
        cwd=PROJECT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_sam_validates_the_template():
    assert "is a valid SAM Template" in sam("validate", "--lint")


def test_sam_builds_for_arm64_without_its_runtime_or_docker(tmp_path: Path):
    sam("build", "--build-dir", str(tmp_path))

    [library] = tmp_path.glob("PillowLayer/python/PIL/_imaging.*.so")
    machine = library.read_bytes()[18:20]  # e_machine of the ELF header
    assert int.from_bytes(machine, "little") == 183  # AArch64
    assert "cpython-313" in library.name
    shipped = {path.name for path in (tmp_path / "DownloadFunction").rglob("*.py")}
    assert "download.py" in shipped
    assert not {"images.py", "store.py", "grayscale.py"} & shipped


def test_sam_deploys_what_it_built_and_a_task_runs_there(
    empty_cloud: LocalCloud, sources: Sources, tmp_path: Path
):
    aws = {
        "AWS_ENDPOINT_URL": empty_cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TARGET": "laptop",
    }
    sam("build", "--build-dir", str(tmp_path), **aws)
    sam(
        "deploy",
        f"--template-file={tmp_path / 'template.yaml'}",
        f"--config-file={PROJECT / 'samconfig.toml'}",
        "--parameter-overrides=AllowPrivateSources=true",
        **aws,
    )

    with Stack(empty_cloud, describe(empty_cloud, "darkroom-dev")) as stack:
        good = stack.ended(stack.submit(sources.url("/colour.jpg"))["taskId"])
        bad = stack.ended(stack.submit(sources.url("/text.jpg"))["taskId"])
    assert good["status"] == "COMPLETED", good["failure"]
    assert bad["failure"]["error"] == "UnsupportedFormat"
