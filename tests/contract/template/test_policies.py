"""Policies have no misspelt action and no condition that no request meets.

IAM accepts both without an error."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cfnlint.decode.decode import decode

from tests.support.project import PROJECT
from tests.support.template.policies import (
    Statement,
    action,
    listed,
    matching,
    statements,
    supports,
)
from tests.support.template.resolved import Deployed

DOCUMENTS = {"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy"}
TRANSFORM = re.compile(r":aws:transform/")
"""In no reference, but what IAM asks about when a change set has a transform.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
FEDERATED = re.compile(r"token\.actions\.githubusercontent\.com:(aud|sub)")
"""Claims of a token: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""


def documents_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in DOCUMENTS:
                yield value
            else:
                yield from documents_in(value)
    elif isinstance(part, list):
        for entry in part:
            yield from documents_in(entry)


@pytest.fixture(scope="module")
def written(document: dict[str, Any], bootstrap: dict[str, Any]) -> list[tuple[str, Statement]]:
    """Each statement of each policy, with the resource that it is written in."""
    parameters = {"Deployment": "Canary", "AlarmEmail": "someone@example.com"}
    ids = {"Stage": "dev", "Repository": "o/n", "RepositoryWithIds": "o@1/n@2"}
    places = [
        Deployed(document, "darkroom-dev", parameters),
        Deployed(bootstrap, "darkroom-pipeline-dev", ids),
    ]
    found = [
        (name, statement)
        for place in places
        for name, resource in place.resources.items()
        for statement in statements(*documents_in(resource["Properties"]))
    ]
    assert {name for name, _ in found} >= {"ApiRole", "AlarmKey", "TaskQueuePolicy", "Boundary"}
    return found


def test_every_action_is_one_that_aws_has(written):
    unknown = {
        f"{name}: {pattern}"
        for name, statement in written
        for pattern in listed(statement["Action"])
        if not matching(pattern)
    }
    assert not unknown


def test_every_condition_is_one_that_a_request_for_the_action_can_meet(written):
    """For a pattern of actions, one that can is enough."""
    never = {
        f"{name}: {key} with {pattern}"
        for name, statement in written
        for wanted in statement.get("Condition", {}).values()
        for key in wanted
        for pattern in listed(statement["Action"])
        if not FEDERATED.fullmatch(key) and not any(supports(a, key) for a in matching(pattern))
    }
    assert not never


def test_an_action_that_knows_no_resource_is_given_for_all(written):
    """Limited to an ARN, it would never be allowed."""
    never = {
        f"{name}: {pattern}"
        for name, statement in written
        if "Resource" in statement and statement["Effect"] == "Allow"
        for pattern in listed(statement["Action"])
        if "*" not in pattern
        and (known := action(pattern)) is not None
        and not known.kinds
        and not pattern.lower().startswith("apigateway:")
        and "*" not in listed(statement["Resource"])
    }
    assert not never


def test_an_action_is_given_for_the_kind_of_resource_that_it_is_about(written):
    """Reading an object is about `bucket/key`; listing is about `bucket`."""
    never = set()
    for name, statement in written:
        arns = [a for a in listed(statement.get("Resource", "*")) if not TRANSFORM.search(a)]
        known = {a: action(a) for a in listed(statement["Action"]) if "*" not in a}
        kinds = {a: found.kinds for a, found in known.items() if found and found.kinds}
        for wanted, own in kinds.items():
            if arns and not any(is_about(arn, kind) for arn in arns for kind in own):
                never.add(f"{name}: {wanted} on none of {arns}")
        every = {kind for own in kinds.values() for kind in own}
        if len(kinds) == len(listed(statement["Action"])):
            never |= {
                f"{name}: nothing on {arn}"
                for arn in arns
                if not any(is_about(arn, kind) for kind in every)
            }
    assert not never


def is_about(pattern: str, kind: str) -> bool:
    """Whether an ARN pattern can be about a resource of a kind, which is an ARN format."""
    return meet(pattern, re.sub(r"\$\{\w+\}", "*", kind))


@cache
def meet(one: str, other: str) -> bool:
    """Whether there is a text that both patterns match."""
    if one[:1] == "*":
        return meet(one[1:], other) or bool(other and meet(one, other[1:]))
    if other[:1] == "*":
        return meet(other, one)
    if not one or not other:
        return one == other
    return one[0] == other[0] and meet(one[1:], other[1:])


# ── No place of one's own ────────────────────────────────────────────────────────────────────────
REGION = re.compile(r"\b(us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov)?-[a-z]+-\d\b")
PARTITION = re.compile(r"arn:aws[\w-]*:|https://\S*amazonaws\.com")
ACCOUNT = re.compile(r"(?<![\w.])\d{12}(?![\w.])")
PRICES = "at list prices of us-east-1"


def texts(part: Any, line: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the values of a template by line, without descriptions."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key not in {"Description", "AlarmDescription", "Metadata"}:
                # A function that is written as a YAML tag has no line number.
                mark = getattr(key, "start_mark", None)
                yield from texts(value, mark.line + 1 if mark else line)
    elif isinstance(part, list):
        for entry in part:
            yield from texts(entry, line)
    elif isinstance(part, str):
        yield line, part.replace(PRICES, "")


@pytest.mark.parametrize("path", ["template.yaml", "infra/pipeline.yaml", "samconfig.toml"])
def test_no_region_partition_or_account_is_written_down(path):
    if path.endswith("toml"):
        said = list(enumerate((PROJECT / path).read_text().splitlines(), 1))
        said = [(number, text) for number, text in said if not text.startswith("#")]
    else:
        said = list(texts(decode(str(PROJECT / path))[0]))
    assert said
    for number, text in said:
        for literal in (REGION, ACCOUNT, PARTITION):
            assert not literal.search(text), f"{path}:{number}: {text[:200]}"
