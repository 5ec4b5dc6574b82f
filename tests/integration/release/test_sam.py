"""The real SAM CLI builds the template. What it builds is deployed by test_pipeline.py."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from tools.build.packages import files, zipped
from tools.localcloud.cloud import PROJECT, TOOLS

SAM = TOOLS / "sam" / "bin" / "sam"
pytestmark = pytest.mark.timeout(1200)


def sam(*arguments: str, project: Path = PROJECT) -> str:
    done = subprocess.run(
        [SAM, *arguments],
        cwd=project,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` makes for AWS."""
    folder = tmp_path_factory.mktemp("build")
    sam("build", "--build-dir", str(folder))
    return folder


def contents(folder: Path) -> dict[str, Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def test_sam_builds_for_arm64_without_its_runtime_or_docker(build: Path):
    libraries = [path for path in build.rglob("*.so*") if path.read_bytes()[:4] == b"\x7fELF"]
    assert {"PillowLayer", "ApiLayer"} <= {p.relative_to(build).parts[0] for p in libraries}
    for library in libraries:
        machine = library.read_bytes()[18:20]  # e_machine of the ELF header
        assert int.from_bytes(machine, "little") == 183, library  # AArch64
        assert "cpython-" not in library.name or "cpython-313-" in library.name


def test_what_a_function_imports_of_ours_is_in_its_package_or_the_layer(build: Path):
    resources = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]
    shared = contents(build / "DarkroomLayer" / "python")
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            needed = set(files(properties["CodeUri"], properties["Handler"]))
            own = {path for path in contents(build / name) if not path.endswith(".pyc")}
            assert own == needed - shared.keys(), name


def test_our_functions_have_at_most_104_kib(build: Path):
    sizes = {path.name: len(zipped(contents(path))) for path in build.glob("*Function")}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 104 * 1024} == {}


def test_everything_comes_with_bytecode_that_lambda_takes_unchecked(build: Path):
    if not list(build.rglob("*.pyc")):  # how it is found: contract/release/test_build.py
        pytest.skip("there is no Python 3.13 on this machine")
    for module in build.rglob("*.py"):
        bytecode = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert bytecode.read_bytes()[4:8] == b"\x01\0\0\0", module  # PEP 552: hash, unchecked


def test_a_build_elsewhere_gives_the_same_bytes(build: Path, tmp_path: Path):
    checkout, again = tmp_path / "checkout", tmp_path / "build"
    shutil.copytree(PROJECT, checkout, ignore=shutil.ignore_patterns(".*", "tests"))
    (checkout / ".venv").symlink_to(PROJECT / ".venv")
    sam("build", "--build-dir", str(again), project=checkout)

    first, second = contents(build), contents(again)
    assert list(first) == list(second)
    # Only the template says where the files are, until it is deployed.
    different = [name for name in first if first[name].read_bytes() != second[name].read_bytes()]
    assert set(different) <= {"template.yaml"}
