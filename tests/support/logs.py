"""The log lines of functions, for tests."""

import io
import json
from typing import Any


def log_lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]
