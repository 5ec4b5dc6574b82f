"""Is what runs what was deployed, and what this checkout has? Checks for `darkroom doctor`."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from darkroom.cli.operator.findings import FAIL, OK, WARN, Finding, Patient

DEPLOY = "Deploy again."
CHECKOUT = Path(__file__).resolve().parents[3]
"""Where this is run from the project's checkout, and not installed."""
BLANK = re.compile(r"\$\{\w+\}")


def permissions(patient: Patient) -> Iterator[Finding]:
    """Each role of a function may do what the template says, whatever bounds or denies it."""
    iam = patient.stack.client("iam")
    lacking = 0
    for name, role in patient.of_type("AWS::IAM::Role").items():
        policies = patient.template["Resources"][name]["Properties"].get("Policies", [])
        for policy in policies:
            wanted = {a for s in _statements(policy["PolicyDocument"]) for a in _list(s["Action"])}
            missing = wanted - _allowed(iam, role, policy["PolicyName"])
            if missing:
                lacking += 1
                yield Finding(FAIL, "permissions", f"{name} lacks {_text(missing)}", DEPLOY)
    if not lacking:
        count = len(patient.of_type("AWS::IAM::Role"))
        yield Finding(OK, "permissions", f"all {count} roles have those of the template")


def _allowed(iam: Any, role: str, policy: str) -> set[str]:
    """Return the actions of a role's policy that the role is really allowed, by IAM's simulator."""
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


def functions(patient: Patient) -> Iterator[Finding]:
    """Every function is ready, and all run the same rules: those of this checkout, if local."""
    lambdas = patient.stack.client("lambda")
    found: dict[str, Mapping[str, Any]] = {}
    for name, physical_id in patient.of_type("AWS::Lambda::Function").items():
        try:
            found[name] = lambdas.get_function_configuration(FunctionName=physical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            yield Finding(FAIL, "function", f"{name} is gone", DEPLOY)
    for name, function in found.items():
        if function.get("LastUpdateStatus") == "Failed" or function["State"] == "Failed":
            reason = function.get("LastUpdateStatusReason") or function.get("StateReason", "")
            yield Finding(FAIL, "function", f"{name} is not ready: {reason}", DEPLOY)
    if patient.stack.code:
        yield _of_this_checkout(patient.stack.code, found)
    else:
        yield _of_one_layer(found)


def _of_this_checkout(
    code: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, Any]]
) -> Finding:
    """Compare the local cloud's functions with what was deployed, and that with the files here."""
    other = [
        n for n, function in found.items() if function["CodeSha256"] != code["functions"].get(n)
    ]
    if other:
        return Finding(WARN, "code", f"{_text(other)}: not of this checkout", "make up")
    changed = [name for name, digest in code["files"].items() if _digest(name) != digest]
    if changed:
        return Finding(WARN, "code", f"{_text(changed)}: changed since `make up`", "make up")
    return Finding(OK, "code", f"all {len(found)} functions are of this checkout")


def _digest(name: str) -> str | None:
    path = CHECKOUT / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _of_one_layer(found: Mapping[str, Mapping[str, Any]]) -> Finding:
    """Compare the functions with each other: the rules are a layer that all of them have."""
    rules = {
        layer["Arn"].rpartition("layer:")[2]
        for function in found.values()
        for layer in function.get("Layers", [])
        if layer["Arn"].rpartition(":")[0].endswith("-DarkroomLayer")
    }
    if len(rules) != 1:
        what = f"rules of {len(rules)} versions: {_text(rules)}"
        return Finding(FAIL, "code", f"functions have {what}", f"A deployment broke off. {DEPLOY}")
    return Finding(OK, "code", f"all {len(found)} functions have the same rules, {rules.pop()}")


def state_machine(patient: Patient) -> Iterator[Finding]:
    """The state machine is that of this checkout, but for the ARNs in it."""
    definition = CHECKOUT / "statemachine" / "task.asl.json"
    if not definition.is_file():
        return
    answer = patient.stack.client("stepfunctions").describe_state_machine(
        stateMachineArn=patient.stack.outputs["StateMachineArn"]
    )
    here = json.loads(definition.read_text())
    if _same(here, json.loads(answer["definition"])):
        yield Finding(OK, "state machine", "is that of this checkout")
    else:
        advice = f"{DEPLOY} Or look from the checkout that was deployed."
        yield Finding(WARN, "state machine", "is not that of this checkout", advice)


def _same(here: Any, there: Any) -> bool:
    """Compare two values; a blank of ours, `${…}`, may be filled with anything."""
    if isinstance(here, str) and BLANK.fullmatch(here):
        return isinstance(there, str)
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(_same(here[key], there[key]) for key in here)
    if isinstance(here, list) and isinstance(there, list):
        return len(here) == len(there) and all(map(_same, here, there))
    return bool(here == there)


def _statements(document: Mapping[str, Any]) -> list[Any]:
    """Return what is allowed whatever the request is: of a condition the simulator cannot tell."""
    found = _list(document["Statement"])
    return [s for s in found if s["Effect"] == "Allow" and "Condition" not in s]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _text(names: Any) -> str:
    return ", ".join(sorted(names))
