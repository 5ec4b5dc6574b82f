"""A proxy between the functions and the local cloud, which answers with errors of AWS.

It is `microburst`, from a separate environment. What happens inside the emulator (Step Functions
calling a function, the queue's event source) does not pass through it: `Invocations` tells the
emulator itself to break the former.
"""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from tests.support.cloud.stacks import until
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import TOOLS

# This runs its command with two changes. Its random numbers come from our seed. It keeps the
# Content-Length of responses, which HeadObject needs for the size, and the Host of requests, which
# is part of the signature.
START = """
import random, sys
random.seed(int(sys.argv.pop(1)))
from microburst import forward
from microburst.cli import main
assert {"content-length", "host"} <= forward.HOP_BY_HOP, "not the microburst this was written for"
forward.HOP_BY_HOP -= {"content-length"}
def headers(self, request):
    kept = forward.HOP_BY_HOP - {"host"}
    return {name: value for name, value in request.headers.items() if name.lower() not in kept}
forward.Upstream._outbound_headers = headers
sys.exit(main())
"""

# For each service, by microburst's name for it: the responses when it is broken, when it is down,
# and when it throttles.
ERRORS: dict[str, list[dict[str, Any]]] = {
    "s3": [
        {"code": "InternalError", "status": 500},
        {"code": "ServiceUnavailable", "status": 503},
        {"code": "SlowDown", "status": 503},
    ],
    "dynamodb": [
        {"code": "InternalServerError", "status": 500},
        {"code": "ServiceUnavailable", "status": 503},
        {"code": "ProvisionedThroughputExceededException", "status": 400},
    ],
    "sqs": [
        {"code": "InternalFailure", "status": 500},
        {"code": "ServiceUnavailable", "status": 503},
        {"code": "RequestThrottled", "status": 400},
    ],
    "stepfunctions": [
        {"code": "InternalFailure", "status": 500},
        {"code": "ServiceUnavailable", "status": 503},
        {"code": "ThrottlingException", "status": 400},
    ],
}

# How an invocation fails, and whether that is before the function ran or after.
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
INVOCATION_ERRORS = {
    "before": (
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
        "Lambda.SdkClientException",
        "Lambda.Unknown",
    ),
    "after": ("Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.Unknown"),
}
INVOCATIONS_BROKEN = 0.25
"""The share of all invocations."""


class Proxy:
    """One proxy on a free port of 127.0.0.1."""

    def __init__(self, upstream: str, seed: int, log: Path) -> None:
        self.port = free_port()
        self._upstream, self._seed, self._log = upstream, seed, log
        self._process: subprocess.Popen[bytes] | None = None
        self._control = httpx.Client(base_url=f"{self.url}/_microburst", timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("wb") as output:
            options = ["--upstream", self._upstream, "--port", str(self.port), "--no-resign"]
            self._process = subprocess.Popen(
                [str(TOOLS / "chaos" / "bin" / "python"), "-c", START, str(self._seed), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(lambda: processes.listens(self.port), 30, f"the proxy listens, see {self._log}")

    def stop(self) -> None:
        self._control.close()
        if self._process:
            self._process.kill()  # a normal end would wait for open connections
            self._process.wait(timeout=10)

    def inject(self, *rules: dict[str, Any]) -> None:
        """Replace what is injected: rules of microburst's, the first that matches a request."""
        self._control.post("/rules", json=list(rules)).raise_for_status()

    def fired(self) -> int:
        """Count the requests that a rule was applied to, since `forget`."""
        return len(self._control.get("/fired", params={"limit": 10_000}).raise_for_status().json())

    def forget(self) -> int:
        """Pass everything on again, and count from zero; return the count so far."""
        self.inject()
        fired = self.fired()
        self._control.delete("/fired").raise_for_status()
        return fired


class Invocations:
    """What breaks between Step Functions and Lambda: see `tools.localcloud.emulator.faults`."""

    def __init__(self, home: Path, seed: int) -> None:
        self._rules = home / "invocations.json"
        self._fired = home / "invocations.json.fired"
        self.environment = {"DARKROOM_INVOKE_FAULTS": str(self._rules), "SEED": str(seed)}

    def inject(self, functions: Iterable[str]) -> None:
        """Make a quarter of the invocations of these functions fail, in every way."""
        kinds = [(when, error) for when, errors in INVOCATION_ERRORS.items() for error in errors]
        rules = [
            {
                "function": function,
                "when": when,
                "error": error,
                "probability": INVOCATIONS_BROKEN / len(kinds),
            }
            for function in functions
            for when, error in kinds
        ]
        new = self._rules.with_suffix(".new")
        new.write_text(json.dumps(rules))
        new.replace(self._rules)

    def forget(self) -> int:
        """Stop injecting, and count from zero; return the count so far."""
        self._rules.unlink(missing_ok=True)
        fired = self._fired.read_text().splitlines() if self._fired.exists() else []
        self._fired.unlink(missing_ok=True)
        return len(fired)
