"""Roles allow what code, machines and services do with them, all within the pipeline's boundary."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.project import PROJECT
from tests.support.template.policies import Statement, allows, documents, listed, statements
from tests.support.template.resolved import Deployed
from tools.build.sdk import OPERATIONS
from tools.release.stages import stages

PREFIXES = {"stepfunctions": "states"}
NEEDS = {
    # A transaction needs the permissions of its writes, which are also other operations.
    "dynamodb:TransactWriteItems": {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    },
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3:HeadObject": {"s3:GetObject"},
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
    "sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    # botocore's own: see tools/build/sdk.py.
    "s3:CreateBucket": set(),
    "s3:HeadBucket": set(),
}
"""Operations whose permission is not their name."""
POLLERS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    "sqs": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    "dynamodb": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    },
}
"""What Lambda calls by the role of a function to read its event source."""
DELIVERY = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}
"""What Step Functions calls by the role of a machine that logs and traces."""
CODE_DEPLOY = {
    # The part of AWSCodeDeployRoleForLambdaLimited for a group without hooks and triggers.
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-service-role.html
    "cloudwatch:DescribeAlarms": "*",
    "lambda:GetAlias": "function:darkroom-{stage}-F-1A2B3C4D5E6F",
    "lambda:GetProvisionedConcurrencyConfig": "function:darkroom-{stage}-F-1A2B3C4D5E6F",
    "lambda:UpdateAlias": "function:darkroom-{stage}-F-1A2B3C4D5E6F",
}


@pytest.fixture(scope="module", params=list(stages()))
def stage(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def stack(document: dict[str, Any], stage: str) -> Deployed:
    return Deployed(document, stages()[stage].stack_name, {"Deployment": "Canary"})


@pytest.fixture(scope="module")
def boundary(bootstrap: dict[str, Any], stage: str) -> list[Statement]:
    parameters = {"Stage": stage, "Repository": "owner/name"}
    account = Deployed(bootstrap, f"darkroom-pipeline-{stage}", parameters)
    return list(statements(account.resources["Boundary"]["Properties"]["PolicyDocument"]))


def role_policies(stack: Deployed) -> dict[str, list[Statement]]:
    """The statements of each role, those of the stack's managed policies included."""
    managed = {stack.arn(n): p for n, p in stack.of_type("AWS::IAM::ManagedPolicy").items()}
    found = {}
    for name, role in stack.of_type("AWS::IAM::Role").items():
        attached = [managed[arn] for arn in role.get("ManagedPolicyArns", []) if arn in managed]
        attached += [p for p in managed.values() if stack.name(name) in p.get("Roles", [])]
        own = [*documents(role), *(policy["PolicyDocument"] for policy in attached)]
        found[name] = list(statements(*own))
    return found


def permissions(policy: list[Statement]) -> Iterator[tuple[str, str]]:
    for statement in policy:
        for action in listed(statement["Action"]):
            yield from ((action, arn) for arn in listed(statement["Resource"]))


def test_what_a_role_may_do_is_within_the_boundary(stack, boundary):
    outside = {
        f"{role}: {action} on {arn}"
        for role, policy in role_policies(stack).items()
        for action, arn in permissions(policy)
        if not allows(boundary, action, arn)
    }
    assert not outside, "\n".join(sorted(outside))


def test_what_codedeploy_does_is_within_the_boundary(boundary, stage, stack):
    for action, about in CODE_DEPLOY.items():
        arn = about.format(stage=stage)
        if arn != "*":
            arn = f"arn:aws:lambda:{stack.region}:{stack.account}:{arn}"
        assert allows(boundary, action, arn), action


def test_the_boundary_allows_nothing_that_no_role_may_do(stack, boundary):
    used = {a for p in role_policies(stack).values() for a, _ in permissions(p)} | set(CODE_DEPLOY)
    assert {action for action, _ in permissions(boundary)} == used


def test_the_boundary_of_a_stage_is_not_about_another(document, stage, boundary):
    """The names of machines and keys are random, so a role names them by ARN."""
    for other in set(stages()) - {stage}:
        foreign = Deployed(document, stages()[other].stack_name)
        for policy in role_policies(foreign).values():
            for action, arn in permissions(policy):
                if arn != "*" and action.partition(":")[0] not in {"states", "kms", "events"}:
                    assert not allows(boundary, action, arn), f"{action} on {arn}"


def test_functions_may_do_what_the_code_calls_and_what_reads_their_events(document):
    stack = Deployed(document, "darkroom")
    called = {f"{service}:{name}" for service, names in OPERATIONS.items() for name in names}
    needed = set()
    for name in called:
        service, _, operation = name.partition(":")
        needed |= NEEDS.get(name, {f"{PREFIXES.get(service, service)}:{operation}"})
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        needed |= POLLERS[mapping["EventSourceArn"].split(":")[2]]
    roles = {f["Role"].rpartition("/")[2] for f in stack.of_type("AWS::Lambda::Function").values()}
    given = {
        action
        for name, role in stack.of_type("AWS::IAM::Role").items()
        if stack.name(name) in roles
        for action, _ in permissions(list(statements(*documents(role))))
    }
    assert given == needed


def test_each_event_source_can_be_read_by_its_functions_role(document):
    stack = Deployed(document, "darkroom")
    policies = role_policies(stack)
    names = {stack.arn(name): name for name in policies}
    functions = stack.of_type("AWS::Lambda::Function")
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        called = mapping["FunctionName"].split(":")[6]
        (function,) = [f for n, f in functions.items() if stack.name(n) == called]
        source = mapping["EventSourceArn"]
        for action in POLLERS[source.split(":")[2]]:
            assert allows(policies[names[function["Role"]]], action, source), action


# ── The machines ─────────────────────────────────────────────────────────────────────────────────
MACHINES = {"TaskStateMachine": "task", "BatchStateMachine": "batch"}
READERS = {"s3:getObject": "s3:GetObject", "s3:listObjectsV2": "s3:ListBucket"}


def states(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for state in machine["States"].values():
        yield state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


@pytest.mark.parametrize(("machine", "file"), MACHINES.items())
def test_a_machines_role_may_do_what_its_states_do(machine, file, document):
    stack = Deployed(document, "darkroom")
    properties = stack.resources[machine]["Properties"]
    named = properties["DefinitionSubstitutions"]
    text = (PROJECT / "statemachine" / f"{file}.asl.json").read_text()
    for name, value in named.items():
        text = text.replace(f"${{{name}}}", value)
    role = properties["RoleArn"].rpartition("/")[2]
    (policy,) = [p for n, p in role_policies(stack).items() if stack.name(n) == role]
    needed = {(action, "*") for action in DELIVERY}
    for state in states(json.loads(text)):
        match state:
            case {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": to}:
                needed.add(("lambda:InvokeFunction", to["FunctionName"]))
            case {"Type": "Task", "Resource": other}:
                pytest.fail(f"What does the role need for {other}?")
            case {"ItemReader": reader}:
                # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
                action = READERS[reader["Resource"].removeprefix("arn:aws:states:::")]
                bucket = f"arn:aws:s3:::{reader['Arguments']['Bucket']}"
                needed.add((action, f"{bucket}/batches/x" if action == "s3:GetObject" else bucket))
                execution = stack.arn(machine).replace(":stateMachine:", ":execution:")
                needed.add(("states:StartExecution", stack.arn(machine)))
                needed.add(("states:DescribeExecution", f"{execution}/Label:run"))
                needed.add(("states:StopExecution", f"{execution}/Label:run"))
    context = {"s3:prefix": "imports/key/folder/"}
    assert not [n for n in needed if not allows(policy, *n, context)]
    # And nothing else.
    assert {action for action, _ in permissions(policy)} == {action for action, _ in needed}
