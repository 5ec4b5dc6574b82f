"""`make accept STACK=name REGION=… STAGE=…`: test a deployed stack; exit with 1 if it fails."""

import argparse
import contextlib
import sys
import time

from rich.console import Console
from rich.text import Text

from darkroom.cli import aws
from darkroom.cli.stack import NoStack, Stack, find
from tools.accept.promises import accept
from tools.accept.report import STYLES, Line


def main(arguments: list[str]) -> int:
    """Test the stack of the arguments; return the exit code."""
    parser = argparse.ArgumentParser(prog="make accept", description=__doc__)
    parser.add_argument("--stack", help="a CloudFormation stack; default: that of `make up`")
    parser.add_argument("--region", help="of the stack; default: that of the environment")
    parser.add_argument("--stage", help="of the stack; default: its tag `stage`")
    # The Makefile passes variables that are not set as empty arguments.
    chosen = {key: value or None for key, value in vars(parser.parse_args(arguments)).items()}
    screen = Console(highlight=False)
    began = time.monotonic()
    try:
        stack = chosen_stack(chosen["stack"], chosen["region"])
        screen.print(f"Testing {stack.stack_name or stack.api_url}: at most six minutes.")
        report = accept(stack, chosen["stage"], on_line=lambda line: show(screen, line))
    except NoStack as error:
        sys.exit(str(error))
    except aws.AwsError as error:
        sys.exit(f"The stack cannot be read: {aws.message(error)}")
    screen.print()
    screen.print(report.table())
    failed = len(report.failed)
    seconds = f"{time.monotonic() - began:.0f} s"
    if failed:
        screen.print(f"[bold red]{failed} of {len(report.lines)} promises FAILED[/] ({seconds}).")
    else:
        screen.print(f"[bold green]No promise failed[/] ({seconds}).")
    return 1 if failed else 0


def chosen_stack(name: str | None, region: str | None) -> Stack:
    """Return the stack of this name; the local one if it has this name, or if none is given.

    Raises:
        NoStack: there is none, or it cannot be read.
    """
    if name and not region:
        with contextlib.suppress(NoStack):
            local = find()
            if local.is_local and local.stack_name == name:
                return local
    return find(name, region)


def show(screen: Console, line: Line) -> None:
    """Print one line while the test runs."""
    outcome = Text(f"{line.outcome:11}", STYLES[line.outcome])
    screen.print(outcome, Text(f"{line.promise} ({line.seconds:.1f} s)"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
