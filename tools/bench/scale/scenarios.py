"""The accounts, callers and policies that `make simulate` compares."""

from dataclasses import dataclass, replace

from tools.bench.scale.model import Account, Caller, Policy

MILLION = 1_000_000
MINUTE = 60
HOUR = 3_600

BEFORE = Policy(fair=False, paced=False, receives=5, hidden=60, retries=10, longest_delay=15)
"""No message groups and no pace, and retries for a minute and a half: what was deployed before."""
AFTER = Policy(fair=True, paced=True, receives=100, hidden=60, retries=180, longest_delay=60)

STANDARD = Account(1_000, 1_300, 300, 5_000, 5_000)
EXPRESS = Account(1_000, 6_000, 6_000, longest_execution=5 * MINUTE)
RAISED = Account(3_000, 2_000, 1_000, 10_000, 10_000)

QUIET = Caller("quiet", MILLION, 0.5, begins=MINUTE, together=1, patient=False, endless=True)
"""One picture every two seconds, for as long as the others have any."""
ALONE = replace(QUIET, tasks=1_000, endless=False)
SLOW_SOURCE = 30.0
"""Seconds."""


@dataclass(frozen=True)
class Scenario:
    """Callers who share a stack."""

    name: str
    account: Account
    callers: tuple[Caller, ...]
    policy: Policy = AFTER
    seed: int = 0


def crowd(tasks: int, rate: float) -> tuple[Caller, ...]:
    """Return a caller with this number of tasks, one with batches, and a quiet one.

    Args:
        tasks: of the first caller. The second has a tenth of it, in batches of 100.
        rate: tasks per second that they submit.
    """
    return Caller("million", tasks, rate), Caller("batches", tasks // 10, rate / 2), QUIET


def overload(tasks: int, steps: tuple[float, ...]) -> list[Scenario]:
    """Return the accounts with more load than they can process. `steps` are the usual ones."""
    everybody = crowd(tasks, 2_000)
    small = replace(STANDARD, concurrency=10, pollers=2)
    medium = replace(STANDARD, concurrency=100)
    slow = Caller("slow", tasks // 20, 200, steps=(steps[0], SLOW_SOURCE, *steps[2:]))
    busy = replace(STANDARD, used_up=(5 * MINUTE, 5 * MINUTE + HOUR))
    return [
        Scenario("STANDARD, 5 (as deployed)", STANDARD, everybody),
        Scenario("STANDARD, 16", replace(STANDARD, pollers=16), everybody),
        Scenario("STANDARD, 60", replace(STANDARD, pollers=60), everybody),
        Scenario("STANDARD, 60, raised quotas", replace(RAISED, pollers=60), everybody),
        Scenario("EXPRESS, 40", replace(EXPRESS, pollers=40), everybody),
        Scenario("ten functions, 2", small, crowd(tasks // 50, 20)),
        Scenario("a hundred functions, 5", medium, crowd(tasks // 10, 200)),
        Scenario("sources that take 30 s, 5", STANDARD, (slow, QUIET)),
        Scenario("functions used up by others for an hour, 5", busy, crowd(tasks // 10, 200)),
    ]


def fairness(tasks: int) -> dict[str, list[Scenario]]:
    """Return what a quiet caller is measured in, for each `MaximumConcurrency`."""
    everybody = crowd(tasks, 2_000)
    first, second, quiet = everybody
    swapped = (quiet, replace(second, name=first.name), replace(first, name=second.name))
    rows = {}
    for pollers in (5, 16, 60):
        account = replace(STANDARD, pollers=pollers)
        after = Scenario("after", account, everybody)
        rows[f"STANDARD, {pollers}"] = [
            Scenario("alone", account, (ALONE,)),
            replace(after, name="before", policy=BEFORE),
            after,
            replace(after, name="another seed", seed=1),
            replace(after, name="callers swapped", callers=swapped),
        ]
    return rows
