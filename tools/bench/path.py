"""The whole path of a task on the local cloud, compared with a Celery worker in the same run."""

import statistics
from collections import Counter
from dataclasses import replace

from darkroom.cost.report import Table
from tools.bench.contenders import (
    CLIENTS,
    LARGE,
    LIBRARIES,
    SMALL,
    WORKERS,
    Run,
    celery,
    darkroom,
    sources,
)
from tools.bench.environment import versions
from tools.bench.stack import EMULATOR

ROUNDS = 3
# By the picture's name at the source: its title, and the tasks of one round.
PICTURES = {LARGE: ("12 megapixels", 40), SMALL: ("640 x 480", 150)}
QUICK_TASKS = 4
IDLE_TASKS, QUICK_IDLE_TASKS = 20, 2

DARKROOM, CELERY, STEPS = "Darkroom", "Celery", "Celery, in steps"
Runs = dict[str, list[Run]]


def tables(*, quick: bool) -> list[Table]:
    """Return three tables: tasks per second, latency of one task, processor time by part.

    Args:
        quick: run a few tasks, to check that it works.

    Raises:
        RuntimeError: a task did not end COMPLETED.
    """
    with sources() as address, darkroom() as ours, celery() as theirs:
        contenders = {
            DARKROOM: ours,
            CELERY: theirs,
            STEPS: replace(theirs, path="/tasks/in-steps"),
        }
        for contender in contenders.values():
            # Warm up: start every worker, open every connection.
            contender.run(f"{address}/{SMALL}", 4 * WORKERS)
        idle = {
            name: [
                contender.run(f"{address}/{SMALL}", 1).latencies[0]
                for _ in range(QUICK_IDLE_TASKS if quick else IDLE_TASKS)
            ]
            for name, contender in contenders.items()
        }
        measured: dict[str, Runs] = {p: {name: [] for name in contenders} for p in PICTURES}
        for picture, (_, count) in PICTURES.items():
            for _ in range(1 if quick else ROUNDS):
                # In turns, so that other work on the machine affects all of them.
                for name, contender in contenders.items():
                    run = contender.run(f"{address}/{picture}", QUICK_TASKS if quick else count)
                    measured[picture][name].append(run)
    return [_throughput(measured), _latency(idle), _parts(measured)]


def _throughput(measured: dict[str, Runs]) -> Table:
    rows: list[tuple[str, ...]] = []
    bars = {}
    for picture, runs in measured.items():
        title = PICTURES[picture][0]
        rate = {
            name: statistics.median(len(run.latencies) / run.seconds for run in runs[name])
            for name in runs
        }
        cpu = {name: sum(_cpu_of_a_task(runs[name]).values()) for name in runs}
        row = [f"{rate[DARKROOM]:.1f}"]
        for name in (CELERY, STEPS):
            ratios = rate[DARKROOM] / rate[name], cpu[name] / cpu[DARKROOM]
            row += [f"{rate[name]:.1f}", *(f"{ratio:.2f}" for ratio in ratios)]
            bars[f"{name}, {title}"] = rate[CELERY] / rate[name]
        rows.append((title, *row))
        bars[f"Darkroom, {title}"] = rate[CELERY] / rate[DARKROOM]
    rounds = measured[LARGE][DARKROOM]
    tasks = " and ".join(
        f"{len(runs[DARKROOM][0].latencies)} ({PICTURES[picture][0]})"
        for picture, runs in measured.items()
    )
    return Table(
        "End to end: many tasks at once",
        "JPEG to gray JPEG of quality 75, from an HTTP source on this machine. Each system has its "
        "own local cloud, which stores nothing on disk, and gets its tasks over HTTP. Darkroom: "
        "API, queue, state machine and functions; each step's file is in S3, the result's checksum "
        f"is verified, IAM is enforced. Celery ({versions(LIBRARIES)}): an API in one process "
        "writes PENDING to DynamoDB and enqueues; a worker writes RUNNING, downloads, runs "
        "`Image.open().convert('L').save()`, puts the result into S3 and writes COMPLETED with the "
        "result. In steps: the same, but each step is a separate Celery task with its own retry, "
        "which leaves its file in S3 for the next step; the result is a copy whose size and "
        "checksum are verified, as in Darkroom. "
        f"{WORKERS} worker processes for Celery and for each function; {CLIENTS} client threads "
        f"submit {tasks} tasks at once; medians of {len(rounds)} alternating rounds. CPU: Celery's "
        "processor time for a task divided by Darkroom's, both with their local cloud. If other "
        "work runs on the machine, this ratio is more reliable than the rates, because Darkroom "
        "has more processes and so gets a larger share of the processors.",
        (
            "picture",
            "Darkroom, tasks/s",
            *("Celery, tasks/s", "ratio", "CPU"),
            *("in steps, tasks/s", "ratio", "CPU"),
        ),
        rows,
        bars,
    )


def _latency(idle: dict[str, list[float]]) -> Table:
    rows: list[tuple[str, ...]] = [
        (name, f"{statistics.median(seconds):.3f}", f"{max(seconds):.3f}")
        for name, seconds in idle.items()
    ]
    return Table(
        "End to end: one task at idle",
        f"640 x 480, {len(idle[DARKROOM])} tasks one after the other, all workers warm: from the "
        "request that submits a task to the end time in its record.",
        ("", "median s", "longest s"),
        rows,
    )


def _parts(measured: dict[str, Runs]) -> Table:
    """Return the table that separates Darkroom's own cost, also in AWS, from the local cloud's."""
    used = {
        picture: {name: _cpu_of_a_task(runs[name]) for name in runs}
        for picture, runs in measured.items()
    }
    functions = sorted(set().union(*(of[DARKROOM] for of in used.values())) - {EMULATOR})
    own = ["API", "worker", "broker"]
    parts = [
        *((function, DARKROOM, [function]) for function in functions),
        ("all functions", DARKROOM, functions),
        ("its local cloud", DARKROOM, [EMULATOR]),
        ("Darkroom, all", DARKROOM, [*functions, EMULATOR]),
    ]
    for name in (CELERY, STEPS):
        parts += [
            *((f"{name}: {part}", name, [part]) for part in own),
            ("its local cloud", name, [EMULATOR]),
            (f"{name}: all", name, [*own, EMULATOR]),
        ]
    rows: list[tuple[str, ...]] = [
        (title, *(f"{sum(used[p][name].get(n, 0) for n in names):.1f}" for p in PICTURES))
        for title, name, names in parts
    ]
    return Table(
        "End to end: processor time of one task, by part",
        "User and system time, without clients and source. The functions run in AWS in the same "
        "way. The local cloud is one Python process in place of all AWS services: for Darkroom's "
        "tasks API Gateway, SQS, Step Functions, Lambda, DynamoDB and its stream, S3, EventBridge "
        "and IAM; for Celery's DynamoDB and S3.",
        ("part", *(f"{PICTURES[picture][0]} ms" for picture in PICTURES)),
        rows,
    )


def _cpu_of_a_task(runs: list[Run]) -> dict[str, float]:
    """Return milliseconds by part."""
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run.cpu)
    tasks = sum(len(run.latencies) for run in runs)
    return {part: 1000 * seconds / tasks for part, seconds in total.items()}
