"""The name under which this program was called, so that commands in its advice can be pasted."""

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

NAME = "darkroom"


def name(called: Path | None = None) -> str:
    """Return what to type to run this program again from the current folder.

    That is `darkroom` if the PATH leads to this program, and otherwise its path, for example
    `.venv/bin/darkroom`.

    Args:
        called: the path of the program; by default the one that is running.
    """
    called = called or Path(sys.argv[0])
    if called.parts[-2:] == ("cli", "__main__.py"):
        return shlex.join([sys.executable, "-m", "darkroom.cli"])
    if called.stem != NAME:
        return NAME  # another program uses this package
    found = shutil.which(NAME)
    try:
        if found and Path(found).samefile(called):
            return NAME
        if called.is_absolute() and called.is_relative_to(Path.cwd()):
            called = called.relative_to(Path.cwd())
    except OSError:
        pass  # the file or the current folder was removed
    return shlex.quote(str(called))


def command(arguments: str, options: Iterable[str] = ()) -> str:
    """Return a command line of this program.

    Args:
        arguments: the command and what follows it, in the form for a shell.
        options: the options before the command, unquoted, for example `--stack` and its value.
    """
    return " ".join([name(), *map(shlex.quote, options), arguments])
