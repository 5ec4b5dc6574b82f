"""The API keys and usage plans of a stack in API Gateway.

A key is accepted if it is enabled and in a usage plan of the API's stage. The plan has the limits,
which hold for each of its keys separately. A key can be in one usage plan of a stage only:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from darkroom.cli.stack import Stack

PERIOD = "DAY"
"""The period of every quota, as in template.yaml."""


@dataclass(frozen=True)
class Limits:
    """What one API key may send."""

    rate: float
    """Requests per second on average."""
    burst: int
    """Requests at once."""
    quota: int
    """Requests per day."""

    def __str__(self) -> str:
        return f"{number(self.rate)}/s, burst {self.burst}, {self.quota}/day"


def number(value: float) -> str:
    """Return a number without an exponent, and without a fraction if it has none."""
    return f"{value:.12g}"


@dataclass(frozen=True)
class Plan:
    """A usage plan and the ids of its keys."""

    plan_id: str
    limits: Limits
    keys: frozenset[str]


@dataclass(frozen=True)
class NewKey:
    """An API key that was just created."""

    key_id: str
    value: str = field(repr=False)


class ApiKeys:
    """The keys and usage plans of one stack. Methods raise botocore's errors."""

    def __init__(self, stack: Stack) -> None:
        self._gateway = stack.client("apigateway")
        self._stack_name = stack.stack_name
        self.shared = stack.outputs["UsagePlanId"]
        """The usage plan of the template: of all callers without their own limits."""
        self.first = stack.outputs["ApiKeyId"]
        """The key of the template."""

    def plans(self) -> dict[str, Plan]:
        """Return all usage plans of the stack's API, by id."""
        stages = self._stages()
        pages = self._gateway.get_paginator("get_usage_plans").paginate()
        found = (plan for page in pages for plan in page["items"])
        own = [plan for plan in found if any(stage in stages for stage in _stages_of(plan))]
        return {
            plan["id"]: Plan(plan["id"], _limits(plan), frozenset(self._keys_of(plan["id"])))
            for plan in own
        }

    def limits(self, plan_id: str) -> Limits:
        """Return the limits of a usage plan."""
        return _limits(self._gateway.get_usage_plan(usagePlanId=plan_id))

    def enabled(self) -> dict[str, bool]:
        """Return whether each key of the account and region is enabled, by the key's id."""
        pages = self._gateway.get_paginator("get_api_keys").paginate(includeValues=False)
        return {key["id"]: key["enabled"] for page in pages for key in page["items"]}

    def create(self, name: str) -> NewKey:
        """Create a key. It is not accepted before it is in a usage plan."""
        made = self._gateway.create_api_key(
            name=f"{self._stack_name}-{name}",
            description=f"{self._stack_name}: a key of the caller {name}",
            enabled=True,
        )
        return NewKey(made["id"], made["value"])

    def admit(self, key_id: str, plan_id: str) -> None:
        """Put a key into a usage plan, if it is not there yet."""
        try:
            self._gateway.create_usage_plan_key(
                usagePlanId=plan_id, keyId=key_id, keyType="API_KEY"
            )
        except ClientError as error:
            # The error also means that the key is in another plan of this stage.
            if _code(error) != "ConflictException" or key_id not in self._keys_of(plan_id):
                raise

    def move(self, key_ids: Iterable[str], old_plan: str, new_plan: str) -> None:
        """Move keys to another usage plan. API Gateway refuses each of them in between.

        Running it again completes it after an interruption. Keys that were deleted are left out.
        """
        old, new = self._keys_of(old_plan), self._keys_of(new_plan)
        for key_id in key_ids:
            if key_id in old:
                self._gateway.delete_usage_plan_key(usagePlanId=old_plan, keyId=key_id)
            if key_id not in new:
                self._unless_gone(partial(self.admit, key_id, new_plan))

    def delete(self, key_id: str) -> None:
        """Delete a key. The key of the template is disabled: CloudFormation manages it."""
        if key_id == self.first:
            operation = {"op": "replace", "path": "/enabled", "value": "false"}
            self._gateway.update_api_key(apiKey=key_id, patchOperations=[operation])
        else:
            self._unless_gone(lambda: self._gateway.delete_api_key(apiKey=key_id))

    def create_plan(self, name: str, limits: Limits) -> str:
        """Create a usage plan for one caller, and return its id."""
        made = self._gateway.create_usage_plan(
            name=f"{self._stack_name}-{name}",
            description=f"Limits of the caller {name} of {self._stack_name}",
            apiStages=self._stages(),
            throttle={"rateLimit": limits.rate, "burstLimit": limits.burst},
            quota={"limit": limits.quota, "period": PERIOD},
        )
        plan_id: str = made["id"]
        return plan_id

    def change_plan(self, plan_id: str, limits: Limits) -> None:
        """Change the limits of a usage plan, without any effect on its keys."""
        values = {
            "/throttle/rateLimit": number(limits.rate),
            "/throttle/burstLimit": f"{limits.burst}",
            "/quota/limit": f"{limits.quota}",
        }
        self._gateway.update_usage_plan(
            usagePlanId=plan_id,
            patchOperations=[
                {"op": "replace", "path": path, "value": value} for path, value in values.items()
            ],
        )

    def delete_plan(self, plan_id: str) -> None:
        """Delete a usage plan. API Gateway refuses that while the plan has stages."""

        def delete() -> None:
            found = self._gateway.get_usage_plan(usagePlanId=plan_id)
            operations = [
                {"op": "remove", "path": "/apiStages", "value": f"{s['apiId']}:{s['stage']}"}
                for s in _stages_of(found)
            ]
            if operations:
                self._gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=operations)
            self._gateway.delete_usage_plan(usagePlanId=plan_id)

        self._unless_gone(delete)

    def _stages(self) -> list[dict[str, str]]:
        return _stages_of(self._gateway.get_usage_plan(usagePlanId=self.shared))

    def _keys_of(self, plan_id: str) -> set[str]:
        """Return the keys of a usage plan; none if somebody has deleted the plan."""
        found: set[str] = set()
        pages = self._gateway.get_paginator("get_usage_plan_keys").paginate(usagePlanId=plan_id)
        self._unless_gone(
            lambda: found.update(key["id"] for page in pages for key in page["items"])
        )
        return found

    @staticmethod
    def _unless_gone(call: Callable[[], object]) -> None:
        """Make a call whose purpose is fulfilled if its object does not exist."""
        try:
            call()
        except ClientError as error:
            if _code(error) != "NotFoundException":
                raise


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def _stages_of(plan: dict[str, Any]) -> list[dict[str, str]]:
    """Return the stages of a usage plan, without limits for single methods."""
    return [{name: s[name] for name in ("apiId", "stage")} for s in plan.get("apiStages", [])]


def _limits(plan: dict[str, Any]) -> Limits:
    throttle, quota = plan.get("throttle", {}), plan.get("quota", {})
    return Limits(
        rate=float(throttle.get("rateLimit", 0)),
        burst=int(throttle.get("burstLimit", 0)),
        quota=int(quota.get("limit", 0)),
    )
