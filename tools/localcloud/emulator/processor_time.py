"""The processor time that a process has used."""

import math
import os
import subprocess
from pathlib import Path


def processor_seconds(pid: int) -> float:
    """Return the seconds, infinity if they cannot be found out."""
    try:
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        # The name of the command, in brackets, may contain spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return by_ps(pid)
    user, system = map(int, fields[11:13])
    return (user + system) / os.sysconf("SC_CLK_TCK")


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
