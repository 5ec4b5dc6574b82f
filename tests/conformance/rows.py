"""The rows of the conformance tests: a state machine, and what AWS was recorded to do with it.

Each file in recorded/ is a list of rows about one topic. A row has

    name          the promise, which is also the name of the test
    recorded      a date and a snapshot test of localstack/localstack (Apache-2.0), recorded from
                  AWS, as a path below `tests/aws/services`; see SNAPSHOTS
    inferred      the same, if that machine used JSONPath or another kind of state
    documented    a page of AWS's documentation, where there is no recording
    states        the machine in the Amazon States Language. It starts at the first state.
    end           what DescribeExecution says: status, error, cause and output, if there is one
    events        the types of the events, in order
    details       for some types of events, all details of the first such event
    differs       for `end` or `events`: why the local cloud is known to differ. The test must fail.

and, if it needs them, `type` (EXPRESS), `timeout` (seconds of the machine), `input` and `objects`
(keys and texts in the bucket). Only facts were taken from each recording; the machines are our own.

A machine is written in a shorter form than AWS accepts, see `Row.definition`. In expected values,
`!any` is any value, `!text …` a text in which the regular expression is found, and `!json …` a text
that contains this value as JSON.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SNAPSHOTS = (
    "https://github.com/localstack/localstack/tree/8b9a79f05846835cf4dff63ab7eefdde9df83783"
    "/tests/aws/services"
)
FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Row:
    name: str
    states: dict[str, Any]
    end: dict[str, Any]
    events: str = ""
    recorded: str = ""
    inferred: str = ""
    documented: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    differs: dict[str, str] = field(default_factory=dict)
    type: str = "STANDARD"
    timeout: int | None = None
    input: Any = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where the expected values are from."""
        return self.recorded or self.inferred or self.documented

    def definition(self, functions: dict[str, str], bucket: str) -> str:
        """The machine in the form that AWS accepts.

        A state with `Invokes: [step, …]` is a Task that invokes the scripted function with these
        steps, or the function that `Function` names. `${Bucket}` is the bucket.
        """
        machine = {
            "QueryLanguage": "JSONata",
            "StartAt": next(iter(self.states)),
            "States": _expanded(self.states, functions),
        }
        if self.timeout:
            machine["TimeoutSeconds"] = self.timeout
        return json.dumps(machine).replace("${Bucket}", bucket)


def load() -> list[Row]:
    """All rows, in the order of the files."""
    return [
        Row(**given)
        for path in sorted(FOLDER.glob("*.yaml"))
        for given in yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506, a safe loader
    ]


def recorded(date: str, file: str, test: str) -> Callable[[Any], Any]:
    """Name the recording that a test of an API action is based on, as the rows do."""
    return _cited(f"{date} {file}::{test}")


def documented(page: str) -> Callable[[Any], Any]:
    """Name the page of AWS's documentation that a test is based on."""
    return _cited(page)


def _cited(source: str) -> Callable[[Any], Any]:
    def cite(test: Any) -> Any:
        test.source = source
        return test

    return cite


def _expanded(value: Any, functions: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_expanded(entry, functions) for entry in value]
    if not isinstance(value, dict):
        return value
    if "Invokes" not in value:
        return {key: _expanded(entry, functions) for key, entry in value.items()}
    rest = {key: entry for key, entry in value.items() if key not in {"Invokes", "Function"}}
    payload = {"script": value["Invokes"], "attempt": "{% $states.context.State.RetryCount %}"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": functions[value.get("Function", "scripted")],
            "Payload": payload,
        },
        **rest,
    }


class Anything:
    """Equals every value."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None

    def __repr__(self) -> str:
        return "!any"


@dataclass(frozen=True)
class Text:  # noqa: PLW1641, a dataclass has one
    """Equals a text in which the regular expression is found."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(re.search(self.pattern, other))


@dataclass(frozen=True)
class Json:  # noqa: PLW1641, a dataclass has one
    """Equals a text that contains the value as JSON."""

    value: Any

    def __eq__(self, other: object) -> bool:
        try:
            return isinstance(other, str) and bool(self.value == json.loads(other))
        except ValueError:
            return False


class _Loader(yaml.SafeLoader):
    """Knows the tags of expected values."""


def _json(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Json:
    return Json(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!any", lambda _loader, _node: Anything())
_Loader.add_constructor("!text", lambda loader, node: Text(loader.construct_scalar(node)))
_Loader.add_constructor("!json", _json)
