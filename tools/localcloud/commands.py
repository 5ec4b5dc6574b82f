"""`make up` and `make down`: start this checkout's local cloud with template.yaml, and stop it."""

import dataclasses
import functools
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from tools.localcloud import ports, private, processes
from tools.localcloud.cloud import PROJECT, LocalCloud, LocalCloudError, PortTaken, locked
from tools.localcloud.deploy import deploy


def local_cloud() -> LocalCloud:
    """Return the local cloud of this checkout, which `make up` starts.

    Raises:
        LocalCloudError: `DARKROOM_PORT` is not the number of a port.
    """
    home = PROJECT / ".local"
    try:
        return LocalCloud(home, ports.kept(home))
    except ports.WrongPort as error:
        raise LocalCloudError(str(error)) from error


def up(parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Start the local cloud, deploy template.yaml, and write and return `.local/stack.json`.

    `parameters` are parameters of the template; those that are not given have their defaults.

    Raises:
        LocalCloudError: the start failed, CloudFormation refused the stack, or the state cannot be
            saved.
    """
    cloud = local_cloud()
    try:
        with _one_command(cloud):
            cloud = _started(cloud)
            stack = deploy(cloud, parameters=parameters)
            cloud.save()
            private.write(cloud.home / "stack.json", json.dumps(stack, indent=2) + "\n")
    except OSError as error:
        path = error.filename or cloud.home
        raise LocalCloudError(f"{path} cannot be written: {error.strerror or error}.") from error
    return stack


def _started(cloud: LocalCloud) -> LocalCloud:
    """Start a local cloud, on another port if somebody else uses its own; return it.

    Raises:
        LocalCloudError: it did not start, or the environment demands a port that is in use.
    """
    while True:
        try:
            cloud.start()
        except PortTaken:
            if ports.fixed():
                raise
            taken, port = cloud.port, ports.replacement(cloud.home, processes.listens)
            cloud = dataclasses.replace(cloud, port=port)
            sys.stderr.write(
                f"Port {taken} is used by {processes.owner_of(taken)}: this checkout uses {port} "
                "from now on.\n"
            )
        else:
            ports.keep(cloud.home, cloud.port)
            return cloud


def down() -> None:
    """Stop the local cloud. Its state is kept."""
    cloud = local_cloud()
    if cloud.home.is_dir():
        with _one_command(cloud):
            cloud.stop()


@contextmanager
def _one_command(cloud: LocalCloud) -> Iterator[None]:
    """Wait with a message while another `make up` or `make down` is running here."""
    cloud.home.mkdir(parents=True, exist_ok=True)

    def wait() -> None:
        sys.stderr.write("Another `make up` or `make down` is running here: waiting for it.\n")

    with locked(cloud.home / "command.lock", wait):
        yield


def main(command: str, parameters: Mapping[str, str] | None = None) -> None:
    """Run `up` or `down` and print the result."""
    screen = Console(highlight=False)
    try:
        if command == "down":
            down()
            screen.print("The local cloud is down. The next `make up` continues with its state.")
            return
        stack = up(parameters)
    except LocalCloudError as error:
        sys.exit(str(error))
    screen.print("[bold green]The local cloud is up.[/]")
    show = functools.partial(screen.print, soft_wrap=True)
    show(f"  API      {stack['apiUrl']} (key in .local/stack.json)")
    show(f"  Page     {stack['apiUrl']}/ (asks for the key)")
    screen.print("  Submit   .venv/bin/darkroom submit YOUR_PICTURE --wait")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", *settings] if all("=" in setting for setting in settings):
            main("up", dict(setting.split("=", 1) for setting in settings))
        case ["down"]:
            main("down")
        case _:
            sys.exit("usage: python -m tools.localcloud.commands up [NAME=VALUE …] | down")
