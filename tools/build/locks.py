"""Resolve the dependencies of pyproject.toml into one lock file a group: `make lock`.

Lock files are requirements with hashes, for any platform. Layers take the versions that `dev`
tested.
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
# Of a layer: what else uv is told. Chalice's own requirements are those of its command line.
LAYERS = {
    "layer-sdk": [],
    "layer-powertools": [],
    "layer-pillow": [],
    "layer-pydantic": [],
    "layer-chalice": ["--no-deps"],
}


def main() -> int:
    """Write every lock file; return the exit status of the first that failed."""
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
