"""Count what tasks call, on a local cloud of their own, in the units that AWS bills."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from darkroom.batches import model as batches
from darkroom.cost.counts import Function, Minute, Run
from tools.bench import billed
from tools.bench.deployed import Deployed
from tools.bench.wire import Call, Wire, tapped_cloud

DEADLINE, DEADLINE_OF_A_BATCH = 120, 900
REPAIR = "Reconcile"
MINUTES = 10
"""Runs of reconcile that are counted as one minute's each."""
QUIET = {"WARN"}
"""Levels of Lambda's own log at which it writes no line for an invocation that succeeds."""
ENDED_WELL = '"type":"ExecutionSucceeded"'
"""What the last line of an execution's log has in it."""
PAGE = 100
"""Tasks that a list tells at a time."""
BUSY_TASKS = 50
"""Tasks of a batch that makes every process of every function start: two children of its map."""


@dataclass(frozen=True)
class _Before:
    moment: float
    lines: Mapping[str, list[str]]
    seconds: Mapping[str, float]


class Meter:
    """Counts what tasks call, from a wire between the functions of a stack and the services."""

    def __init__(self, stack: Deployed, wire: Wire) -> None:
        """Take a stack on a cloud that sends its functions to the wire."""
        self._stack, self._wire = stack, wire
        logging = stack.template["Globals"]["Function"]["LoggingConfig"]
        self._platform_lines = logging.get("SystemLogLevel") not in QUIET

    def minute(self) -> Minute:
        """Let reconcile run once, with nothing to repair, and count."""
        functions = self._stack.client("lambda")
        name = self._stack.physical(f"{REPAIR}Function")
        functions.invoke(FunctionName=name, Payload=b"{}")  # its process runs
        before = self._stack.processor_time()[REPAIR]
        self._wire.take()
        for _ in range(MINUTES):
            functions.invoke(FunctionName=name, Payload=b"{}")
        repairs = self._repairs()
        calls = [call for call in self._wire.take() if call.caller in repairs]
        callers = dict.fromkeys(repairs, REPAIR)
        own = self._function(
            REPAIR,
            MINUTES,
            self._stack.processor_time()[REPAIR] - before,
            billed.made_by(calls, callers)[REPAIR],
        )
        return Minute(own, billed.capacity(calls, self._stack.tables).reads)

    def run(self, url: str, picture: str, tasks: int) -> Run:
        """Do so many tasks, one after the other, and count; each is asked for once, at its end.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API refused or did not answer.
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
        """Do one batch of so many tasks, and count.

        It is asked for once, at its end, and then all its tasks are listed.

        Raises:
            RuntimeError: the batch or a task did not end COMPLETED.
            httpx.HTTPError: the API refused or did not answer.
        """
        http, before = self._stack.http, self._begin()
        sources = [{"imageUrl": url}] * tasks
        answer = http.post("/batches", json={"sources": sources}).raise_for_status()
        batch_id = answer.json()["batchId"]
        _until(
            lambda: self._stack.ended("BatchTableName", batch_id),
            "a batch ends",
            DEADLINE_OF_A_BATCH,
        )
        _completed(http.get(f"/batches/{batch_id}").raise_for_status().json())
        task_ids = [batches.task_id(batch_id, str(index)) for index in range(tasks)]
        listed, pages = self._listed(f"/batches/{batch_id}/tasks")
        if listed != task_ids:
            raise RuntimeError(f"The batch lists {len(listed)} tasks, not its own {tasks}.")
        run = self._counted(before, picture, task_ids, requests=2 + pages)
        execution = self._stack.execution_of_batch(batch_id)
        _until(lambda: self._stack.at_rest([execution]), "the batch's execution ends")
        return replace(
            run,
            transitions=run.transitions + self._stack.transitions([execution]),
            manifests=1,
            children=self._stack.children(execution),
        )

    def _listed(self, path: str) -> tuple[list[str], int]:
        """Return the ids of the tasks that a list tells, and how many requests that took."""
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
        return _Before(time.time(), self._stack.log_lines(), self._stack.processor_time())

    def _counted(self, before: _Before, picture: str, task_ids: list[str], requests: int) -> Run:
        """Count what was called since then by tasks that have all ended."""
        calls: list[Call] = []
        repairs = self._repairs()

        def announced() -> bool:
            # What the minute's run calls is no task's doing.
            calls.extend(call for call in self._wire.take() if call.caller not in repairs)
            return billed.events(calls) >= len(task_ids)

        _until(announced, "all ends are announced")
        seconds = {
            name: total - before.seconds.get(name, 0.0)
            for name, total in self._stack.processor_time().items()
        }
        executions = self._stack.executions(task_ids)
        _until(lambda: self._stack.at_rest(executions), "all executions end")
        events = self._events(before.moment, len(task_ids))
        written = self._stack.log_lines()
        lines = {name: lines[len(before.lines[name]) :] for name, lines in written.items()}
        functions = self._functions(seconds, lines, calls)
        used = billed.capacity(calls, self._stack.tables)
        sizes = self._stack.file_bytes(task_ids)
        parameters = self._stack.template["Parameters"]
        return Run(
            workflow=self._stack.workflow,
            picture=picture,
            tasks=len(task_ids),
            manifests=0,
            children=0,
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
        """Return what the executions of so many tasks have logged: of EXPRESS ones, to their end.

        A Standard execution that goes well logs nothing at the level of the template.
        """
        lines: list[str] = []

        def complete() -> bool:
            lines[:] = self._stack.execution_lines(since)
            return sum(ENDED_WELL in line for line in lines) >= tasks

        if self._stack.workflow == "EXPRESS":
            _until(complete, "all executions have logged their end")
        return lines or self._stack.execution_lines(since)

    def _functions(
        self, seconds: Mapping[str, float], lines: Mapping[str, list[str]], calls: Iterable[Call]
    ) -> dict[str, Function]:
        made = billed.made_by(calls, self._stack.callers())
        functions = {}
        for name in sorted(lines.keys() - {REPAIR}):
            invocations = sum(line.startswith(billed.STARTED) for line in lines[name])
            if invocations:
                functions[name] = self._function(
                    name, invocations, seconds.get(name, 0.0), made[name]
                )
        return functions

    def _function(
        self, name: str, invocations: int, seconds: float, calls: Mapping[str, int]
    ) -> Function:
        settings = self._stack.settings(name)
        return Function(
            invocations=invocations,
            cpu_ms=round(seconds * 1000, 1),
            memory_mb=settings["MemorySize"],
            calls=dict(sorted(calls.items())),
            tracing=settings["Tracing"],
        )

    def _repairs(self) -> set[str]:
        return {key for key, name in self._stack.callers().items() if name == REPAIR}


@dataclass(frozen=True)
class Counted:
    """What was counted on one local cloud: for each picture a run of single tasks and a batch."""

    runs: list[Run]
    batches: list[Run]
    minute: Minute


def count(
    workflow: str, pictures: Mapping[str, str], tasks: int, of_batch: int, port: int
) -> Counted:
    """Count on a local cloud of their own what tasks of one type of workflow call.

    Args:
        workflow: STANDARD or EXPRESS.
        pictures: address of each, by what people call it.
        tasks: of each picture, one after the other.
        of_batch: tasks of each picture, in one batch.
        port: for the local cloud.

    Raises:
        RuntimeError: a task did not end as it should.
    """
    with tapped_cloud(port) as (cloud, wire), closing(Deployed(cloud, workflow)) as stack:
        meter = Meter(stack, wire)
        # Every process that will be needed runs.
        any_picture = list(pictures.values())[-1]
        meter.batch(any_picture, "", min(BUSY_TASKS, of_batch))
        meter.run(any_picture, "", 2)
        return Counted(
            [meter.run(url, picture, tasks) for picture, url in pictures.items()],
            [meter.batch(url, picture, of_batch) for picture, url in pictures.items()],
            meter.minute(),
        )


def _completed(shown: dict[str, str]) -> dict[str, str]:
    if shown["status"] != "COMPLETED":
        raise RuntimeError(f"What is counted did not end COMPLETED: {shown}")
    return shown


def _until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Not within {seconds} s: {what}")
        time.sleep(0.02)
