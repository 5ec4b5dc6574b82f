"""Runs state machines on the emulator's interpreter, with all patches and no server.

    python -m tests.support.engines.emulator_process HOME

reads the runs from its standard input and prints their results, both as JSON. It is run by the
emulator's environment, which has ministack and none of the packages of the tests.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support.engines.runs import Run, load, result, scripts
from tests.support.engines.scripted_functions import ScriptedFunctions
from tools.localcloud.emulator.__main__ import configure

DEADLINE = 120.0
ROLE = "arn:aws:iam::000000000000:role/any"
MOST_EVENTS = 1000


def main(home: Path) -> None:
    configure(home, port=1)

    # ministack reads its environment when it is imported, so it is imported only now.
    from ministack.services import lambda_svc, stepfunctions  # noqa: PLC0415

    from tools.localcloud.emulator import fidelity, speedups  # noqa: PLC0415

    speedups.apply()
    fidelity.apply()
    runs, functions = load(sys.stdin.read())
    scripted = ScriptedFunctions(functions, scripts(runs))
    _answer_for(lambda_svc, scripted)

    def started(number: int, run: Run) -> str:
        machine = {"name": f"m{number}", "definition": run.definition, "roleArn": ROLE}
        arn = _answer(stepfunctions._create_state_machine(machine))["stateMachineArn"]
        start = {"stateMachineArn": arn, "name": run.name, "input": json.dumps(run.input)}
        return str(_answer(stepfunctions._start_execution(start))["executionArn"])

    def ended(arn: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        deadline = time.monotonic() + DEADLINE
        described = _answer(stepfunctions._describe_execution({"executionArn": arn}))
        while described["status"] == "RUNNING":
            if time.monotonic() > deadline:
                sys.exit(f"{arn} did not end")
            time.sleep(0.02)
            described = _answer(stepfunctions._describe_execution({"executionArn": arn}))
        asked = {"executionArn": arn, "maxResults": MOST_EVENTS}
        return described, _answer(stepfunctions._get_execution_history(asked))["events"]

    executions = [started(number, run) for number, run in enumerate(runs)]
    results = [
        result(run, *ended(arn), scripted.calls(run.subject))
        for arn, run in zip(executions, runs, strict=True)
    ]
    print(json.dumps([asdict(each) for each in results]), flush=True)
    os._exit(0)  # Python would wait for a function that hangs


def _answer_for(lambda_svc: Any, scripted: ScriptedFunctions) -> None:
    """Replace the emulator's functions by the scripted ones, below all patches."""

    def find(arn: str) -> tuple[Any, Any, str]:
        config = {"FunctionArn": arn}
        return {"config": config}, config, arn

    def execute(function: Mapping[str, Any], event: Any) -> dict[str, Any]:
        answer = scripted.invoke(function["config"]["FunctionArn"], event)
        if answer.kind == "throttled":
            refused: dict[str, Any] = lambda_svc._throttle_response(
                "ConcurrentInvocationLimitExceeded", "Rate Exceeded."
            )
            return refused
        error = {"error": True} if answer.kind == "error" else {}
        return {"body": answer.payload, "log": "", **error}

    lambda_svc._get_func_record_for_ref = find
    lambda_svc._execute_function_with_config_scope = execute


def _answer(response: tuple[int, Any, bytes]) -> Any:
    status, _, body = response
    if status != 200:
        sys.exit(body.decode())
    return json.loads(body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
