"""`make up` and `make down`: this checkout's local cloud, with template.yaml deployed to it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from tools.localcloud import private
from tools.localcloud.cloud import PORT, PROJECT, LocalCloud, LocalCloudError, alone
from tools.localcloud.deploy import deploy


def local_cloud() -> LocalCloud:
    """Return the local cloud of this checkout, the one `make up` starts."""
    return LocalCloud(PROJECT / ".local", PORT)


def up() -> dict[str, Any]:
    """Start the local cloud, deploy template.yaml to it, write `.local/stack.json`; return that.

    Raises:
        LocalCloudError: it cannot be started, CloudFormation refused the stack, or the state cannot
            be saved.
    """
    cloud = local_cloud()
    try:
        with _one_command(cloud):
            cloud.start()
            stack = deploy(cloud)
            cloud.save()
            private.write(cloud.home / "stack.json", json.dumps(stack, indent=2) + "\n")
    except OSError as error:
        place = error.filename or cloud.home
        raise LocalCloudError(f"{place} cannot be written: {error.strerror or error}.") from error
    return stack


def down() -> None:
    """Stop the local cloud; its state stays."""
    cloud = local_cloud()
    if cloud.home.is_dir():
        with _one_command(cloud):
            cloud.stop()


@contextmanager
def _one_command(cloud: LocalCloud) -> Iterator[None]:
    """Let `make up` and `make down` wait for another one of this checkout, and say so."""
    cloud.home.mkdir(parents=True, exist_ok=True)

    def wait() -> None:
        sys.stderr.write("Another `make up` or `make down` is at work here: waiting for it.\n")

    with alone(cloud.home / "command.lock", wait):
        yield


def main(command: str) -> None:
    """Do `up` or `down`, and say so."""
    screen = Console(highlight=False)
    if command == "down":
        down()
        screen.print("The local cloud is down. Its state stays for the next `make up`.")
        return
    try:
        stack = up()
    except LocalCloudError as error:
        sys.exit(str(error))
    screen.print("[bold green]The local cloud is up.[/]")
    screen.print(f"  API      {stack['apiUrl']} (key in .local/stack.json)")
    screen.print(f"  Page     {stack['apiUrl']}/ asks for that key")
    screen.print("  Submit   .venv/bin/darkroom submit YOUR_PICTURE --wait")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [("up" | "down") as wanted]:
            main(wanted)
        case _:
            sys.exit("usage: python -m tools.localcloud.commands up|down")
