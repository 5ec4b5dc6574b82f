"""Build our packages and the baseline: a function that creates one boto3 client.

The real `sam build` builds both: ours for this machine (`TARGET=laptop`), the baseline in SAM's
default way, from a requirements.txt and without bytecode.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from darkroom.cost.report import Table
from tools.build.packages import PROJECT, zipped

SAM = PROJECT / ".local" / "tools" / "sam" / "bin" / "sam"
BASELINE = "boto3, one client"
HANDLER = """\
import boto3

s3 = boto3.client("s3")


def handler(event, context):
    return {}
"""
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Baseline:
    Type: AWS::Serverless::Function
    Properties: {{ CodeUri: src/, Handler: app.handler, Runtime: python3.{minor} }}
"""
# Variables that Lambda sets in addition to the template's. A client needs a region and credentials.
LAMBDA = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "placeholder",
    "AWS_SECRET_ACCESS_KEY": "placeholder",
    # Lambda's folders are read-only, so modules without bytecode are compiled at every start.
    "PYTHONDONTWRITEBYTECODE": "1",
}
KEPT = {"HOME", "LANG", "PATH"}
KIB = 1024


@dataclass(frozen=True)
class Function:
    """A function, unpacked as on Lambda."""

    module: str
    """The module of its handler."""
    task: Path
    """Its own code: /var/task."""
    opt: Path | None
    """Its merged layers: /opt."""
    environment: dict[str, str]
    """Variables of the template; values that only a deployment knows are placeholders."""

    def start(self, *options: str, **settings: Any) -> subprocess.Popen[str]:
        """Start a process that loads the function and exits when it could receive an event."""
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        folders = [self.task, *([self.opt / "python"] if self.opt else [])]
        path = os.pathsep.join(str(folder) for folder in folders)
        return subprocess.Popen(  # noqa: S603 - the interpreter that runs this
            # -S: otherwise packages of this environment would be imported instead of a layer's.
            [sys.executable, "-S", *options, "-c", f"import {self.module}"],
            cwd=self.task,
            env={**kept, **LAMBDA, **self.environment, "PYTHONPATH": path},
            text=True,
            **settings,
        )


def build(folder: Path) -> dict[str, Function]:
    """Build the baseline and all functions of template.yaml into a folder; return them by name.

    Raises:
        subprocess.CalledProcessError: `sam build` failed; its error output was printed.
    """
    source = folder / "baseline"
    (source / "src").mkdir(parents=True)
    (source / "src" / "app.py").write_text(HANDLER)
    (source / "src" / "requirements.txt").write_text(f"boto3=={version('boto3')}\n")
    (source / "template.yaml").write_text(TEMPLATE.format(minor=sys.version_info.minor))
    _sam_build(source, source / "build")
    _sam_build(PROJECT, folder / "ours", TARGET="laptop")
    baseline = Function("app", source / "build" / "Baseline", None, {})
    return {BASELINE: baseline, **_functions(folder / "ours", folder / "opt")}


def sizes(folder: Path) -> Table:
    """Return the table of the sizes of the packages that `build` built in a folder."""
    packages = sorted(path for path in (folder / "ours").iterdir() if path.is_dir())
    rows = [_size(path.name, path) for path in packages]
    return Table(
        title="Packages",
        about=(
            "Functions contain our own code, layers the shared code, both with bytecode. "
            f"Built for this machine; {BASELINE}: by plain `sam build`."
        ),
        columns=("package", "zipped, KiB", "unpacked, KiB", "files"),
        rows=[*rows, _size(BASELINE, folder / "baseline" / "build" / "Baseline")],
    )


def _sam_build(project: Path, target: Path, **environment: str) -> None:
    # SAM searches PATH for an interpreter of the baseline's version, which is this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(  # noqa: S603 - our own tool
        [SAM, "build", "--build-dir", target],
        cwd=project,
        env=os.environ | settings | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()


def _functions(built: Path, opt: Path) -> dict[str, Function]:
    template = yaml_parse((PROJECT / "template.yaml").read_text())
    shared = template["Globals"]["Function"]
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            for layer in (*shared["Layers"], *properties.get("Layers", [])):
                # If a condition decides between two, this is the default one.
                used = layer["Ref"] if "Ref" in layer else layer["Fn::If"][2]["Ref"]
                shutil.copytree(built / used, opt / name, dirs_exist_ok=True)
            found[name.removesuffix("Function")] = Function(
                module=properties["Handler"].rpartition(".")[0],
                task=built / name,
                opt=opt / name,
                environment=_environment(template, properties),
            )
    return found


def _environment(template: dict[str, Any], own: dict[str, Any]) -> dict[str, str]:
    shared = template["Globals"]["Function"]
    declared = shared["Environment"]["Variables"] | own.get("Environment", {}).get("Variables", {})
    values = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(own.get("MemorySize", shared["MemorySize"]))}
    for name, value in declared.items():
        parameter = value.get("Ref") if isinstance(value, dict) else None
        default = template["Parameters"].get(parameter, {}).get("Default") or "placeholder"
        values[name] = str(default) if isinstance(value, dict) else str(value)
    return values


def _size(name: str, folder: Path) -> tuple[str, ...]:
    paths = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    unpacked = sum(path.stat().st_size for path in paths.values())
    figures = (f"{len(zipped(paths)) / KIB:,.1f}", f"{unpacked / KIB:,.0f}", f"{len(paths):,}")
    return (name, *figures)
