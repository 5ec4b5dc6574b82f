"""Checks of `darkroom doctor`: does the stack run the code and the permissions of this checkout?"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.cli.operator.deployment import FAIL, OK, WARN, Deployment, Finding
from darkroom.cli.stack import PROJECT

DEPLOY = "Deploy again."
PLACEHOLDER = re.compile(r"\$\{\w+\}")


def permissions(deployment: Deployment) -> Iterator[Finding]:
    """Check that each role has the permissions of the template, despite boundaries and denials."""
    iam = deployment.stack.client("iam")
    lacking = 0
    roles = deployment.of_type("AWS::IAM::Role")
    for name, role in roles.items():
        for policy in deployment.template["Resources"][name]["Properties"].get("Policies", []):
            wanted = {a for s in _statements(policy["PolicyDocument"]) for a in _list(s["Action"])}
            missing = wanted - _allowed(iam, role, policy["PolicyName"])
            if missing:
                lacking += 1
                yield Finding(FAIL, "permissions", f"{name} lacks {_text(missing)}", DEPLOY)
    if not lacking:
        yield Finding(OK, "permissions", f"all {len(roles)} roles have those of the template")


def _allowed(iam: Any, role: str, policy: str) -> set[str]:
    """Return the actions of a role's policy that IAM's policy simulator allows the role."""
    try:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return set()
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    allowed = set()
    for statement in _statements(document):
        results = iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=_list(statement["Action"]),
            ResourceArns=_list(statement["Resource"]),
        )["EvaluationResults"]
        allowed |= {r["EvalActionName"] for r in results if r["EvalDecision"] == "allowed"}
    return allowed


def functions(deployment: Deployment) -> Iterator[Finding]:
    """Check that every function is ready and that all run the code of the same deployment."""
    lambdas = deployment.stack.client("lambda")
    found: dict[str, Mapping[str, Any]] = {}
    for name, physical_id in deployment.of_type("AWS::Lambda::Function").items():
        try:
            found[name] = lambdas.get_function_configuration(FunctionName=physical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            yield Finding(FAIL, "function", f"{name} does not exist", DEPLOY)
    for name, function in found.items():
        if function.get("LastUpdateStatus") == "Failed" or function["State"] == "Failed":
            reason = function.get("LastUpdateStatusReason") or function.get("StateReason", "")
            yield Finding(FAIL, "function", f"{name} is not ready: {reason}", DEPLOY)
    if deployment.stack.code:
        yield _compare_with_checkout(deployment.stack.code, found)
    else:
        yield _compare_layers(found)


def _compare_with_checkout(
    code: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, Any]]
) -> Finding:
    """Compare the functions of the local cloud with the files of this checkout."""
    others = [
        n for n, function in found.items() if function["CodeSha256"] != code["functions"].get(n)
    ]
    if others:
        return Finding(WARN, "code", f"{_text(others)}: not from this checkout", "Run `make up`.")
    changed = [name for name, digest in code["files"].items() if _digest(name) != digest]
    if changed:
        return Finding(WARN, "code", f"{_text(changed)}: changed since `make up`", "Run `make up`.")
    return Finding(OK, "code", f"all {len(found)} functions are from this checkout")


def _digest(name: str) -> str | None:
    path = PROJECT / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _compare_layers(found: Mapping[str, Mapping[str, Any]]) -> Finding:
    """Compare the versions of the layer that all functions share."""
    versions = {
        layer["Arn"].rpartition("layer:")[2]
        for function in found.values()
        for layer in function.get("Layers", [])
        if layer["Arn"].rpartition(":")[0].endswith("-DarkroomLayer")
    }
    if len(versions) != 1:
        message = f"functions use {len(versions)} versions of the layer: {_text(versions)}"
        return Finding(FAIL, "code", message, f"A deployment was interrupted. {DEPLOY}")
    return Finding(OK, "code", f"all {len(found)} functions use the same layer, {versions.pop()}")


def state_machine(deployment: Deployment) -> Iterator[Finding]:
    """Check that the state machine is the one of this checkout, apart from substituted ARNs."""
    definition = PROJECT / "statemachine" / "task.asl.json"
    if not definition.is_file():
        return
    answer = deployment.stack.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployment.stack.outputs["StateMachineArn"]
    )
    expected = json.loads(definition.read_text())
    if _same(expected, json.loads(answer["definition"])):
        yield Finding(OK, "state machine", "is the one of this checkout")
    else:
        advice = f"{DEPLOY} Or run this command in the checkout that was deployed."
        yield Finding(WARN, "state machine", "is not the one of this checkout", advice)


def _same(expected: Any, actual: Any) -> bool:
    """Compare two values. A placeholder `${…}` of the expected one is equal to any string."""
    if isinstance(expected, str) and PLACEHOLDER.fullmatch(expected):
        return isinstance(actual, str)
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            _same(expected[key], actual[key]) for key in expected
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(_same, expected, actual))
    return bool(expected == actual)


def _statements(document: Mapping[str, Any]) -> list[Any]:
    """Return the statements that allow without a condition, which the simulator cannot evaluate."""
    found = _list(document["Statement"])
    return [s for s in found if s["Effect"] == "Allow" and "Condition" not in s]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _text(names: Any) -> str:
    return ", ".join(sorted(names))
