"""The files that must agree with each other, read once."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.project import PROJECT
from tools.build.cloudformation import translated


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return yaml_parse((PROJECT / "template.yaml").read_text())


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return template["Resources"]


@pytest.fixture(scope="session")
def machine() -> dict[str, Any]:
    return json.loads((PROJECT / "statemachine" / "task.asl.json").read_text())


@pytest.fixture(scope="session")
def tasks(machine: dict[str, Any]) -> dict[str, Any]:
    return {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}


@pytest.fixture(scope="session")
def invoked(tasks: dict[str, Any], resources: dict[str, Any]) -> dict[str, str]:
    """The function of template.yaml of which each Task state invokes a version."""
    substitutions = resources["TaskStateMachine"]["Properties"]["DefinitionSubstitutions"]
    return {
        name: substitutions[re.fullmatch(r"\$\{(\w+)\}", state["Arguments"]["FunctionName"])[1]][
            "Ref"
        ].removesuffix(".Version")
        for name, state in tasks.items()
    }


@pytest.fixture(scope="session")
def document(template: dict[str, Any]) -> dict[str, Any]:
    """The whole template as CloudFormation receives it."""
    return translated(template)


@pytest.fixture(scope="session")
def bootstrap() -> dict[str, Any]:
    """The resources that an account has for a stage of the pipeline."""
    return yaml_parse((PROJECT / "infra" / "pipeline.yaml").read_text())


@pytest.fixture
def translate(template: dict[str, Any]) -> Callable[..., Any]:
    """The output of the SAM translator for the resources.

    `content` returns the content of a layer or function, by its name; `change` changes the
    template; `parameters` are those of a stack.
    """

    def run(
        content: dict[str, str] | None = None,
        change: Callable[[Any], Any] = lambda same: same,
        **parameters: str,
    ) -> dict[str, Any]:
        return translated(change(template), parameters, content=content)["Resources"]

    return run
