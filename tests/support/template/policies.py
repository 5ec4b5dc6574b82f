"""What IAM policies allow, and what AWS says about their actions.

The Service Authorization Reference is read from policy_sentry, which ships it as data: which
actions there are, on which resources, under which condition keys.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import policy_sentry

from tests.support.template.resolved import Deployed

Statement = Mapping[str, Any]
Context = Mapping[str, str]
"""The condition keys of a request. One that is not here is not in the request."""
GLOBAL = re.compile(r"aws:(SourceAccount|SourceArn|SecureTransport|(Request|Resource)Tag/[\w:-]+)")
"""Global condition keys that policies of this project may use."""
ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "apigateway:GetApiKey": "apigateway:GET",
}
"""Operations whose permission has another name."""


def listed(value: Any) -> list[Any]:
    """Return what may be one entry or several as a list."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Action:
    """One action of a service, as the reference has it."""

    kinds: frozenset[str]
    """ARN formats of what it can be limited to; of none, a policy has to say `*`."""
    condition_keys: frozenset[str]


@cache
def _reference() -> dict[str, Any]:
    data = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
    reference: dict[str, Any] = json.loads(data.read_text())
    return reference


@cache
def actions_of(service: str) -> dict[str, Action]:
    """Return the actions of a service by their name, in lower case."""
    described = _reference().get(service, {"privileges": {}, "resources": {}})
    resources = described["resources"]
    found = {}
    for name, action in described["privileges"].items():
        types = action["resource_types"]
        kinds = {resources[kind]["arn"] for kind in types if kind in resources}
        keys = {key for entry in types.values() for key in entry["condition_keys"]}
        for kind in types:
            keys |= set(resources.get(kind, {}).get("condition_keys", []))
        found[name.lower()] = Action(frozenset(kinds), frozenset(keys))
    return found


def action(name: str) -> Action | None:
    """Return an action by its whole name, `sqs:SendMessage`; None if AWS has none of this name."""
    service, _, own = name.partition(":")
    return actions_of(service).get(own.lower())


def matching(pattern: str) -> list[str]:
    """Return the actions that a pattern of a policy allows: `sqs:*` is all of SQS."""
    service, _, own = pattern.lower().partition(":")
    return [f"{service}:{name}" for name in actions_of(service) if fnmatch.fnmatchcase(name, own)]


def supports(name: str, key: str) -> bool:
    """Whether a condition key can ever be in a request for an action."""
    found = action(name)
    keys = found.condition_keys if found else frozenset()
    own = re.sub(r"(?<=Tag/).*", "${TagKey}", key)
    if own.startswith(("aws:ResourceTag/", "aws:RequestTag/")):
        return own in keys
    return key in keys or bool(GLOBAL.fullmatch(key))


def statements(*documents: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield the statements of policies."""
    for document in documents:
        yield from listed(document["Statement"])


def documents(role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the inline policies of a role."""
    return [policy["PolicyDocument"] for policy in role.get("Policies", [])]


def concerns(statement: Statement, name: str, arn: str, context: Context) -> bool:
    """Whether a statement is about a request: an action, on a resource, in a context."""
    return (
        any(fnmatch.fnmatchcase(name.lower(), a.lower()) for a in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(arn, pattern) for pattern in listed(statement["Resource"]))
        and all(
            _holds(operator, context.get(key), [str(value) for value in listed(values)])
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def allows(
    policy: Iterable[Statement], name: str, arn: str, context: Context | None = None
) -> bool:
    """Whether statements of one policy allow a request. `arn` is `*` if it is about no resource.

    A pattern in `arn` is allowed if everything that it matches is allowed.
    """
    about = [s for s in policy if concerns(s, name, arn, context or {})]
    return bool(about) and all(statement["Effect"] == "Allow" for statement in about)


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    match operator:
        case "Null":
            return (value is None) is (wanted == ["true"])
        case "StringEquals":
            return value in wanted
        case "StringNotEquals":
            return value not in wanted
        case "StringLike" | "ArnLike" | "ArnEquals":
            return value is not None and any(fnmatch.fnmatchcase(value, w) for w in wanted)
        case "Bool":
            return value is not None and value.lower() == wanted[0].lower()
    raise NotImplementedError(operator)


def policy(account: Deployed, role: str) -> list[Any]:
    """The statements of a role."""
    return list(statements(*documents(account.resources[role]["Properties"])))
