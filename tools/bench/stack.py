"""Local clouds for measurements, the stacks on them, and the processor time that they use."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from tools.bench.environment import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

EMULATOR = "emulator"
STACK = "perf"
"""Its length is part of counted log lines: another one would change docs/cost.md."""


@contextmanager
def local_cloud(*, keep: bool, port: int = 0, **environment: str) -> Iterator[LocalCloud]:
    """Start a local cloud with these variables; stop it at the end. Port 0: any free port."""
    with tempfile.TemporaryDirectory() as home:
        cloud = LocalCloud(Path(home), port or free_port(), keep)
        try:
            cloud.start(**environment)
            yield cloud
        finally:
            cloud.stop()


class Stack:
    """A stack of template.yaml on a local cloud.

    Attributes:
        cloud: the local cloud.
        outputs: of the stack.
        http: a client of its API.
    """

    def __init__(self, cloud: LocalCloud, template: Any = None, **parameters: str) -> None:
        """Deploy template.yaml, or a changed `template`, to a running local cloud."""
        self.cloud = cloud
        limits = {"RequestsPerSecond": "5000", "RequestBurst": "5000"}
        description = deploy(cloud, STACK, limits | parameters, template)
        self.outputs: dict[str, str] = description["outputs"]
        headers = {"x-api-key": description["apiKey"]}
        self.http = httpx.Client(base_url=description["apiUrl"], headers=headers, timeout=300)

    def close(self) -> None:
        """Close the connections to the API."""
        self.http.close()

    def physical(self, logical: str) -> str:
        """Return the physical name of a resource."""
        resource = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name


def processor_time(cloud: LocalCloud) -> defaultdict[str, float]:
    """Return user and system seconds of the processes of a local cloud, since they started.

    The names are `EMULATOR`, and the logical ids of functions.
    """
    used: defaultdict[str, float] = defaultdict(float)
    for process in processes.marked(cloud.home):
        with suppress(psutil.Error):
            function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
            used[logical_id(function) if function else EMULATOR] += seconds(process)
    return used


def seconds(process: psutil.Process) -> float:
    """Return the user and system seconds of a process."""
    times = process.cpu_times()
    return float(times.user + times.system)


def logical_id(function_name: str) -> str:
    """Return `DownloadFunction` for `perf-DownloadFunction-CB93BE5F74CD4`."""
    return function_name.split("-")[1]
