"""Count the calls of tasks on a separate local cloud, in the units that AWS bills."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from darkroom.batches import model as batches
from darkroom.cost.counts import Function, Minute, Run
from tools.bench.billing import billed
from tools.bench.billing.deployed import Deployed
from tools.bench.billing.wire import Call, Wire, tapped_cloud

DEADLINE = 900
REPAIR = "Reconcile"
MINUTES = 10
"""Runs of reconcile that are counted; each represents one minute."""
QUIET_LEVELS = {"WARN"}
"""Levels of Lambda's system log at which it writes no line for a successful invocation."""
SUCCEEDED = '"type":"ExecutionSucceeded"'
"""Part of the last line in the log of a successful execution."""
PAGE = 100
"""Tasks on one page of a list."""
WARM_UP_TASKS = 60
"""Tasks of the warm-up batch, which starts every process of every function: two children of its
map."""


@dataclass(frozen=True)
class _Before:
    moment: float
    seconds: Mapping[str, float]


class Meter:
    """Counts the calls of tasks, with a wire between the functions of a stack and the services."""

    def __init__(self, stack: Deployed, wire: Wire) -> None:
        """Take a stack whose functions call through the wire."""
        self._stack, self._wire = stack, wire
        logging = stack.template["Globals"]["Function"]["LoggingConfig"]
        self._platform_lines = logging.get("SystemLogLevel") not in QUIET_LEVELS

    def minute(self) -> Minute:
        """Count one run of reconcile that has nothing to repair."""
        functions = self._stack.cloud.client("lambda")
        name = self._stack.physical(f"{REPAIR}Function")
        functions.invoke(FunctionName=name, Payload=b"{}")  # starts its process
        before = self._begin()
        for _ in range(MINUTES):
            functions.invoke(FunctionName=name, Payload=b"{}")
        calls = self._calls(of_repairs=True)
        lines = self._stack.log_lines(before.moment)
        own = self._functions(before, lines, calls)[REPAIR]
        return Minute(own, billed.capacity(calls, self._stack.tables).reads)

    def run(self, url: str, picture: str, tasks: int) -> Run:
        """Count `tasks` tasks, run one after the other. The client GETs each once, at its end.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API returned an error or did not answer.
        """
        http, before = self._stack.http, self._begin()
        task_ids = []
        for _ in range(tasks):
            answer = http.post("/tasks", json={"imageUrl": url}).raise_for_status()
            task_ids.append(answer.json()["taskId"])
            _until(lambda: self._stack.ended("TableName", task_ids[-1]), "a task ends")
        for task_id in task_ids:
            _completed(http.get(f"/tasks/{task_id}").raise_for_status().json())
        return self._counted(before, picture, task_ids, requests=2 * tasks)

    def batch(self, url: str, picture: str, tasks: int) -> Run:
        """Count one batch of `tasks` tasks, with one read of it and a list of its tasks at the end.

        Raises:
            RuntimeError: the batch or a task did not end COMPLETED.
            httpx.HTTPError: the API returned an error or did not answer.
        """
        http, before = self._stack.http, self._begin()
        sources = [{"imageUrl": url}] * tasks
        answer = http.post("/batches", json={"sources": sources}).raise_for_status()
        batch_id = answer.json()["batchId"]
        _until(lambda: self._stack.ended("BatchTableName", batch_id), "a batch ends")
        _completed(http.get(f"/batches/{batch_id}").raise_for_status().json())
        task_ids = [batches.task_id(batch_id, str(index)) for index in range(tasks)]
        listed, pages = self._listed(f"/batches/{batch_id}/tasks")
        if listed != task_ids:
            raise RuntimeError(f"The {len(listed)} listed tasks are not the batch's {tasks} tasks.")
        return self._counted(before, picture, task_ids, requests=2 + pages, manifests=1)

    def _listed(self, path: str) -> tuple[list[str], int]:
        """Return the ids of all tasks of a list, and the number of requests for its pages."""
        listed: list[str] = []
        requests, query = 0, {"limit": str(PAGE)}
        while True:
            page = self._stack.http.get(path, params=query).raise_for_status().json()
            listed += [_completed(task)["taskId"] for task in page["tasks"]]
            requests += 1
            if page["cursor"] is None:
                return listed, requests
            query["cursor"] = page["cursor"]

    def _begin(self) -> _Before:
        self._wire.take()
        return _Before(time.time(), self._stack.processor_time())

    def _counted(
        self,
        before: _Before,
        picture: str,
        task_ids: list[str],
        *,
        requests: int,
        manifests: int = 0,
    ) -> Run:
        """Count the calls since `before`, of tasks that have all ended."""
        calls: list[Call] = []

        def all_published() -> bool:
            # The calls of the scheduled reconcile do not belong to the tasks.
            calls.extend(self._calls(of_repairs=False))
            return billed.events(calls) >= len(task_ids)

        _until(all_published, "the events of all tasks are published")
        executions = billed.executions(calls)
        _until(lambda: self._stack.at_rest(executions), "all executions end")
        all_published()  # adds the calls of their last states
        events = self._events(before.moment, len(task_ids))
        lines = self._stack.log_lines(before.moment)
        functions = self._functions(before, lines, calls)
        functions.pop(REPAIR, None)
        used = billed.capacity(calls, self._stack.tables)
        sizes = self._stack.file_bytes(task_ids)
        parameters = self._stack.template["Parameters"]
        return Run(
            workflow=self._stack.workflow,
            picture=picture,
            tasks=len(task_ids),
            manifests=manifests,
            children=self._stack.children(executions),
            requests=requests,
            transitions=self._stack.transitions(executions),
            functions=functions,
            writes=used.writes,
            reads=used.reads,
            messages=billed.messages(calls),
            batches=functions["Dispatch"].invocations,
            events=billed.events(calls),
            log_bytes=billed.log_bytes(
                (line for name in functions for line in lines[name]), platform=self._platform_lines
            ),
            execution_log_bytes=billed.log_bytes(events, platform=False),
            work_bytes=sizes["work"],
            result_bytes=sizes["results"],
            item_bytes=used.kept_bytes,
            traced=float(parameters["TracedShare"]["Default"]),
        )

    def _events(self, since: float, tasks: int) -> list[str]:
        """Return the log lines of the executions of `tasks` tasks; for EXPRESS, until their end.

        A successful Standard execution logs nothing at the level of the template.
        """

        def complete() -> bool:
            return sum(SUCCEEDED in line for line in self._stack.execution_lines(since)) >= tasks

        if self._stack.workflow == "EXPRESS":
            _until(complete, "the logs of all executions are complete")
        return self._stack.execution_lines(since)

    def _functions(
        self, before: _Before, lines: Mapping[str, list[str]], calls: Iterable[Call]
    ) -> dict[str, Function]:
        """Return the functions that ran since `before`, with the calls that they made."""
        called = billed.by_function(calls, self._stack.callers())
        used = self._stack.processor_time()
        functions = {}
        for name in sorted(lines):
            invocations = sum(line.startswith(billed.STARTED) for line in lines[name])
            if invocations:
                settings = self._stack.settings(name)
                seconds = used.get(name, 0.0) - before.seconds.get(name, 0.0)
                functions[name] = Function(
                    invocations=invocations,
                    cpu_ms=round(seconds * 1000, 1),
                    memory_mb=settings["MemorySize"],
                    calls=dict(sorted(called[name].items())),
                    tracing=settings["Tracing"],
                )
        return functions

    def _calls(self, *, of_repairs: bool) -> list[Call]:
        """Take the calls of reconcile, or those of all other functions."""
        callers = self._stack.callers()
        return [
            call for call in self._wire.take() if (callers.get(call.caller) == REPAIR) == of_repairs
        ]


@dataclass(frozen=True)
class Counted:
    """The counts of one local cloud: a run of single tasks and a batch for each picture."""

    runs: list[Run]
    batches: list[Run]
    minute: Minute


def count(workflow: str, pictures: Mapping[str, str], tasks: int, of_batch: int) -> Counted:
    """Count the calls of tasks of one workflow type, on a separate local cloud.

    Args:
        workflow: STANDARD or EXPRESS.
        pictures: the URL of each, by its title.
        tasks: single tasks of each picture.
        of_batch: tasks of each picture, in one batch.

    Raises:
        RuntimeError: a task did not end COMPLETED.
    """
    with tapped_cloud() as (cloud, wire), closing(Deployed(cloud, workflow)) as stack:
        meter = Meter(stack, wire)
        # Warm up: start every process that will be needed.
        any_picture = list(pictures.values())[-1]
        meter.batch(any_picture, "", min(WARM_UP_TASKS, of_batch))
        meter.run(any_picture, "", 2)
        return Counted(
            [meter.run(url, picture, tasks) for picture, url in pictures.items()],
            [meter.batch(url, picture, of_batch) for picture, url in pictures.items()],
            meter.minute(),
        )


def _completed(shown: dict[str, str]) -> dict[str, str]:
    if shown["status"] != "COMPLETED":
        raise RuntimeError(f"A task or batch of the count did not end COMPLETED: {shown}")
    return shown


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"This did not happen within {DEADLINE} s: {what}")
        time.sleep(0.02)
