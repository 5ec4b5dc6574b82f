"""The build finds an interpreter for bytecode in all usual places of a laptop."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.project import PROJECT

BUILD = PROJECT / "infra" / "layers" / "build.mk"
STORES = [
    ".pyenv/versions/3.13.7",
    ".local/share/uv/python/cpython-3.13.7-linux-x86_64-gnu",
    ".local/share/mise/installs/python/3.13.7",
    ".asdf/installs/python/3.13.7",
]


def command(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def compiler(home: Path, **environment: str) -> str:
    """The interpreter that the build would use on a machine with only this home folder."""
    shutil.copy(BUILD, home)  # a copy has no .venv beside it
    makefile = home / "probe.mk"
    makefile.write_text("include build.mk\nprobe:\n\t@echo $(COMPILER)\n")
    path = f"{home / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    done = subprocess.run(
        ["make", "-s", "-f", makefile, "probe"],
        cwd=home,
        env={"HOME": str(home), "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("store", STORES)
def test_it_is_found_behind_a_shim_that_starts_nothing(tmp_path: Path, store: str):
    command(tmp_path / "bin" / "python3.13", "exit 127")
    there = command(tmp_path / store / "bin" / "python3.13", "exit 0")

    assert compiler(tmp_path) == str(there)


def test_the_one_on_the_path_comes_first(tmp_path: Path):
    command(tmp_path / STORES[0] / "bin" / "python3.13", "exit 0")
    command(tmp_path / "bin" / "python3.13", "exit 0")

    assert compiler(tmp_path) == "python3.13"


def test_a_laptop_compiles_with_its_own(tmp_path: Path):
    assert compiler(tmp_path, TARGET="laptop") == "python3"
