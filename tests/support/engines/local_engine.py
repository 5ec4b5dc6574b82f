"""The local cloud's interpreter of the Amazon States Language: ministack's, with our patches.

It runs as a separate process in the emulator's environment, see `emulator_process`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from tests.support.engines.runs import Result, Run, dump
from tools.localcloud.cloud import PROJECT, SPEEDUPS, TOOLS

DEADLINE = 150.0


def run_on_local_cloud(runs: Sequence[Run], functions: Mapping[str, str]) -> list[Result]:
    """Run all at the same time; return the result of each, in the order of `runs`."""
    with tempfile.TemporaryDirectory() as home:
        python = TOOLS / "emulator" / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "tests.support.engines.emulator_process", home],
            cwd=PROJECT,
            env=_environment(home),
            input=dump(runs, functions),
            text=True,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [Result(**each) for each in json.loads(done.stdout)]


def _environment(home: str) -> dict[str, str]:
    """The environment that the emulator's modules need at import. No function and no server is
    started."""
    return {
        "PATH": os.defpath,
        "HOME": home,
        "AWS_ACCESS_KEY_ID": "unused",
        "AWS_SECRET_ACCESS_KEY": "unused",
        "AUTH": "false",  # the machine's role does not exist
        "DARKROOM_LOCAL_CLOUD": home,
        "DARKROOM_FUNCTION_PYTHON": sys.executable,
        "DARKROOM_FUNCTION_PACKAGES": home,
        SPEEDUPS: os.environ.get(SPEEDUPS, "1"),
    }
