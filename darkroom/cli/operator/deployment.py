"""The deployment that `darkroom doctor` examines, and what a check reports about it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rich.text import Text

from darkroom.cli.render import clean
from darkroom.cli.stack import Stack

OK, WARN, FAIL = "ok", "warn", "fail"
STYLES = {OK: "green", WARN: "yellow", FAIL: "bold red"}


@dataclass(frozen=True)
class Finding:
    """The result of one check: its level, its subject, a message and what to do about it."""

    level: str
    subject: str
    message: str
    advice: str = ""

    def shown(self) -> Text:
        """Return it for the terminal, with its advice on a second line."""
        message = clean(f"{self.subject:15}{self.message}")
        advice = f"\n{' ' * 21}{clean(self.advice)}" if self.advice else ""
        return Text.assemble((f"{self.level:6}", STYLES[self.level]), message, advice)


@dataclass(frozen=True)
class Deployment:
    """A stack with its resources in CloudFormation."""

    stack: Stack

    def of_type(self, resource_type: str) -> dict[str, str]:
        """Return the physical ids of all resources of a type, by their logical ids."""
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in self._resources
            if resource["ResourceType"] == resource_type
        }

    @cached_property
    def template(self) -> dict[str, Any]:
        """The stack's template, with the resources that SAM adds."""
        template: dict[str, Any] = self.stack.client("cloudformation").get_template(
            StackName=self.stack.stack_name, TemplateStage="Processed"
        )["TemplateBody"]
        return template

    @cached_property
    def _resources(self) -> list[dict[str, str]]:
        pages = self.stack.client("cloudformation").get_paginator("list_stack_resources")
        found = pages.paginate(StackName=self.stack.stack_name)
        return list(found.search("StackResourceSummaries[]"))
