"""moto's interpreter of the Amazon States Language, in the process of the test.

It is derived from LocalStack's, which was written against recordings of AWS. The only code that it
shares with the local cloud's is jsonata-python, the port of the reference implementation of
JSONata: moto has no JSONata engine, so this one is added. Lambda is replaced by a client that
answers
from a script.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError
from jsonata import Jsonata
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.eval import variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata as expressions

from tests.support.cloud.stacks import until
from tests.support.engines.runs import Result, Run, result, scripts
from tests.support.engines.scripted_functions import ScriptedFunctions

ROLE = "arn:aws:iam::123456789012:role/any"
MOST_EVENTS = 1000


def run_on_moto(
    runs: Sequence[Run], functions: Mapping[str, str], *, reserved_names: bool = True
) -> list[Result]:
    """Run all at the same time; return the result of each, in the order of `runs`.

    Whether a Fail state of AWS may have an error name that begins with `States.` is a question of
    docs/deploy.md. moto refuses it as States.Runtime; `reserved_names` lets it pass.
    """
    scripted = ScriptedFunctions(functions, scripts(runs))
    with _engine(scripted), _reserved_names() if reserved_names else nullcontext():
        states = boto3.client("stepfunctions", region_name="us-east-1")
        machines = {
            definition: _machine(states, f"m{number}", definition)
            for number, definition in enumerate({run.definition: None for run in runs})
        }
        started = [_start(states, machines[run.definition], run) for run in runs]
        return [
            result(run, *_ended(states, arn), scripted.calls(run.subject))
            for arn, run in zip(started, runs, strict=True)
        ]


@contextmanager
def _engine(scripted: ScriptedFunctions) -> Iterator[None]:
    settings: Any = {"stepfunctions": {"execute_state_machine": True}}
    client = _LambdaClient(scripted)
    with (
        mock_aws(config=settings),
        patch.object(expressions, "_eval_jsonata", _evaluate),
        patch.object(variable_store, "encode_jsonata_variable_declarations", _declarations),
        patch.object(lambda_eval_utils, "boto_client_for", lambda **_: client),
    ):
        try:
            yield
        finally:
            scripted.release()


def _reserved_names() -> AbstractContextManager[Any]:
    return patch.object(state_fail, "CustomErrorName", ErrorName)


def _machine(states: Any, name: str, definition: str) -> str:
    made = states.create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return str(made["stateMachineArn"])


def _start(states: Any, machine: str, run: Run) -> str:
    started = states.start_execution(
        stateMachineArn=machine, name=run.name, input=json.dumps(run.input)
    )
    return str(started["executionArn"])


def _ended(states: Any, arn: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def description() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    described = until(description, 30, f"{arn} ends")
    history = states.get_execution_history(executionArn=arn, maxResults=MOST_EVENTS)["events"]
    # moto sets the status a moment before the rest, but the last event before the status.
    last = next((v for key, v in history[-1].items() if key.endswith("EventDetails")), {})
    end = {name: last[name] for name in ("error", "cause", "output") if name in last}
    return described | end, history


def _evaluate(expression: str) -> Any:
    """Evaluate an expression. moto itself refuses one without a result."""
    try:
        return Jsonata.jsonata(expression).evaluate(None)
    except Exception as error:
        raise expressions.JSONataException("UNKNOWN", str(error)) from error


def _declarations(variables: Mapping[str, Any]) -> str:
    """Declare variables in JSONata. moto does not escape the quotation marks in a text."""
    return "".join(f"{name}:={json.dumps(value)};" for name, value in variables.items())


class _LambdaClient:
    """The only call to Lambda that a state machine makes."""

    def __init__(self, scripted: ScriptedFunctions) -> None:
        self._scripted = scripted

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        answer = self._scripted.invoke(arguments["FunctionName"], json.loads(arguments["Payload"]))
        if answer.kind == "throttled":
            # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (errors)
            refused: Any = {
                "Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."},
                "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "1"},
            }
            raise ClientError(refused, "Invoke")
        error = {"FunctionError": "Unhandled"} if answer.kind == "error" else {}
        return {
            "StatusCode": 200,
            "Payload": io.BytesIO(json.dumps(answer.payload).encode()),
            **error,
        }
