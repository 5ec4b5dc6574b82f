"""What a look at a deployment finds, and what is looked at."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from darkroom.cli.stack import Stack

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """What one check found: `ok`, `warn` or `fail`, of what, and what to do about it."""

    level: str
    about: str
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """A stack, and what CloudFormation knows of it."""

    stack: Stack

    @cached_property
    def resources(self) -> dict[str, dict[str, str]]:
        """Each resource by its logical id, with `PhysicalResourceId` and `ResourceType`."""
        pages = self.stack.client("cloudformation").get_paginator("list_stack_resources")
        found = pages.paginate(StackName=self.stack.stack_name).search("StackResourceSummaries[]")
        return {resource["LogicalResourceId"]: resource for resource in found}

    @cached_property
    def template(self) -> dict[str, Any]:
        """The template as it was deployed, SAM's own resources included."""
        answer = self.stack.client("cloudformation").get_template(
            StackName=self.stack.stack_name, TemplateStage="Processed"
        )
        template: dict[str, Any] = answer["TemplateBody"]
        return template

    def of_type(self, kind: str) -> dict[str, str]:
        """Return the physical ids of all resources of a type, by their logical ids."""
        return {
            name: resource["PhysicalResourceId"]
            for name, resource in self.resources.items()
            if resource["ResourceType"] == kind
        }
