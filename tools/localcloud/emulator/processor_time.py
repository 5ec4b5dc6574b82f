"""The processor time that a process has used, or waited for."""

import math
import os
import subprocess
from pathlib import Path


def busy_seconds(pid: int) -> float:
    """Return the seconds in which a process had work to do, infinity if they are unknown.

    On a machine with too much to do, a working process also uses little of a processor.
    """
    return processor_seconds(pid) + waited_seconds(pid)


def processor_seconds(pid: int) -> float:
    """Return the seconds, infinity if they are unknown."""
    try:
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        # The name of the command, in brackets, may contain spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return by_ps(pid)
    user, system = map(int, fields[11:13])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """Return for how many seconds the threads of a process waited for a processor.

    Infinity if the process has ended, 0 if the system does not provide it: macOS has no /proc.
    https://docs.kernel.org/scheduler/sched-stats.html: the second field, in nanoseconds
    """
    threads = Path(f"/proc/{pid}/task")
    if not Path("/proc/self/schedstat").exists():
        return 0.0
    try:
        stats = [(thread / "schedstat").read_text() for thread in threads.iterdir()]
    except OSError:
        return math.inf
    return sum(int(stat.split()[1]) for stat in stats) / 1e9


def by_ps(pid: int) -> float:
    """Return the same by POSIX's `ps`, which takes some milliseconds: macOS has no /proc.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/ps.html: `[dd-]hh:mm:ss`; macOS
    writes `mm:ss.ss`.
    """
    command = ["ps", "-o", "time=", "-p", str(pid)]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        days, _, clock = shown.stdout.strip().rpartition("-")
        seconds = 0.0
        for part in clock.split(":"):
            seconds = 60 * seconds + float(part)
        return 86_400 * int(days or 0) + seconds
    except (OSError, subprocess.SubprocessError, ValueError):
        return math.inf
