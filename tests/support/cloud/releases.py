"""Another release of the project: a copy of its files, changed, and deployed by its own code."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.localcloud.cloud import PROJECT, LocalCloud

DEPLOY = """
import sys
from pathlib import Path
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy
deploy(LocalCloud(Path(sys.argv[1]), int(sys.argv[2])), sys.argv[3])
"""


def release(folder: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """Copy the deployed files to a folder, and replace one text by another in each copied file."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(".*", "tests", "docs", "bench"))
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    for name, (old, new) in changes.items():
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} has changed: this text is not in it once: {old}"
        (folder / name).write_text(text.replace(old, new))
    return folder


def deployed(folder: Path, cloud: LocalCloud, stack_name: str) -> None:
    """Deploy a release as its own checkout would."""
    subprocess.run(
        [sys.executable, "-c", DEPLOY, cloud.home, f"{cloud.port}", stack_name],
        cwd=folder,
        check=True,
    )


def live_functions(cloud: LocalCloud, stack_name: str) -> list[dict[str, Any]]:
    """Return the description of the live version of each function of a stack."""
    functions = cloud.client("lambda")
    # A page has 50 functions, from all stacks.
    pages = functions.get_paginator("list_functions").paginate()
    return [
        functions.get_function_configuration(
            FunctionName=function["FunctionName"], Qualifier="live"
        )
        for page in pages
        for function in page["Functions"]
        if function["FunctionName"].startswith(f"{stack_name}-")
    ]
