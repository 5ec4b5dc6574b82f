"""Resolve the dependencies of pyproject.toml into one lock file for each group: `make lock`.

Lock files are requirements with hashes, for any platform. Layers get the versions of `dev`, which
the tests use.
"""

import subprocess
import sys

from tools.build.packages import PROJECT

UV = str(PROJECT / ".venv" / "bin" / "uv")
COMMON = [
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--custom-compile-command=make lock",
]
ENVIRONMENTS = ["dev", "emulator", "sam", "policy", "chaos", "bench"]
# Further options for uv by layer. Chalice's dependencies are needed only by its command line.
LAYERS = {
    "layer-sdk": [],
    "layer-powertools": [],
    "layer-pillow": [],
    "layer-pydantic": [],
    "layer-chalice": ["--no-deps"],
}


def main() -> int:
    """Write all lock files; return the exit status of the first one that fails."""
    for group in ENVIRONMENTS:
        project = ["pyproject.toml"] if group == "dev" else []
        status = _compile(group, project)
        if status:
            return status
    for group, options in LAYERS.items():
        status = _compile(group, ["--constraint=tools/locks/dev.txt", *options])
        if status:
            return status
    return 0


def _compile(group: str, extra: list[str]) -> int:
    folder = "infra/layers" if group in LAYERS else "tools/locks"
    output = f"{folder}/{group}.txt"
    command = [UV, "-q", "pip", "compile", *extra, "--group", group, "--python-version=3.11"]
    return subprocess.run(  # noqa: S603 - our own tool
        [*command, *COMMON, "--output-file", output], cwd=PROJECT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
