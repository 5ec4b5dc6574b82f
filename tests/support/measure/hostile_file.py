"""Convert a file in this process as the function does; print the outcome, the time and the
memory."""

import json
import sys
import time
from pathlib import Path

from darkroom.errors import ImageError
from darkroom.images.grayscale import grayscale
from darkroom.images.memory import enforced


def main(path: str, memory: int) -> None:
    started = time.process_time()
    try:
        with enforced(memory):
            data = Path(path).read_bytes()
            grayscale(data, output="auto", quality=90, max_pixels=10**8, max_memory=memory)
        outcome = "developed"
    except ImageError as error:
        outcome = f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    sys.stdout.write(json.dumps([outcome, peak, seconds]))


main(sys.argv[1], int(sys.argv[2]))
