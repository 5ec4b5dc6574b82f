"""The deployment role may make the calls of CloudFormation for each resource, and the pipeline's
role the calls of the SAM CLI and the release."""

import ast
import fnmatch
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.support.project import PROJECT
from tests.support.template.handlers import PASSED_TO, UNUSED, WITHHELD, about, called, needed
from tests.support.template.policies import ACTIONS, allows, listed, policy
from tests.support.template.resolved import Deployed
from tools.release.stages import stages

STAGES = list(stages())
DEPLOYER = "samcli/lib/deploy/deployer.py"
NOT_OF_A_RELEASE = {"CreateStack", "UpdateStack", "RollbackStack"}
"""What the SAM CLI calls without change sets, or when it is reported to delete what fails."""
WITHOUT_RESOURCES = {
    "cloudformation:GetTemplateSummary",
    "cloudwatch:GetMetricStatistics",
    "xray:BatchGetTraces",
}
"""Actions that can be limited to no resource."""


def targets(stack: Deployed, account: Deployed) -> list[str]:
    """The ARNs of everything that a handler may act upon."""
    prefix = f"arn:aws:codedeploy:{stack.region}:{stack.account}:deploymentconfig"
    return [
        *(arn for name in stack.resources for arn in about(stack, name)),
        f"{account.arn('Artifacts')}/{stack.stack_name}/0123456789abcdef",
        f"{prefix}:CodeDeployDefault.LambdaCanary10Percent10Minutes",
    ]


def test_the_role_may_do_what_the_handlers_of_each_resource_do(stack, account):
    role, others = policy(account, "CloudFormationRole"), targets(stack, account)
    own = stack.arn("WriteLogsAndTraces")
    missing = set()
    for name, resource in stack.resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        for attached in properties.get("ManagedPolicyArns", [own]):
            context = {
                "iam:PassedToService": PASSED_TO.get(kind, "nobody"),
                "iam:PermissionsBoundary": account.arn("Boundary"),
                "iam:PolicyARN": attached,
                "lambda:FunctionArn": properties.get("FunctionName", ""),
            }
            for wanted, arn in needed(stack, name, others):
                if not allows(role, wanted, arn, context):
                    missing.add(f"{kind} ({name}): {wanted} on {arn}")
    assert not missing, "\n".join(sorted(missing))


@pytest.mark.parametrize("kind", sorted(UNUSED.keys() | WITHHELD.keys()))
def test_what_the_role_need_not_do_is_of_a_property_that_no_resource_has(kind, document):
    resources = [r for r in document["Resources"].values() if r["Type"] == kind]
    used = {name for resource in resources for name in resource["Properties"]}
    assert not used & UNUSED.get(kind, {}).keys()
    asked = called(kind)
    asked |= {f"{name.partition(':')[0]}:*" for name in asked}
    for exempt in [*UNUSED.get(kind, {}).values(), WITHHELD.get(kind, set())]:
        assert exempt <= asked, f"{kind} does not call them any more: take them out of handlers.py"


def test_the_role_of_a_stage_cannot_change_the_stack_of_another(account, stage, document):
    """By names; if the names of the stages do not differ, by tags. Actions that do not support
    resources may have `*`."""
    role = policy(account, "CloudFormationRole")
    reached = set()
    for other in set(STAGES) - {stage}:
        foreign = Deployed(document, stages()[other].stack_name, {"Deployment": "Canary"})
        tags = {"aws:ResourceTag/project": "darkroom", "aws:ResourceTag/stage": other}
        for name in foreign.resources:
            for wanted, arn in needed(foreign, name, []):
                if not allows(role, wanted, "*") and allows(role, wanted, arn, tags):
                    reached.add(f"{wanted} on {arn}")
    assert not reached, "\n".join(sorted(reached))


def test_the_tags_that_keep_the_stages_apart_are_those_of_samconfig():
    settings = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    for stage in stages().values():
        tags = settings[stage.config_env]["deploy"]["parameters"]["tags"].split()
        assert {"project=darkroom", f"stage={stage.name}"} <= set(tags)


def test_the_first_api_of_an_account_can_have_its_service_linked_role_made(account):
    role = policy(account, "CloudFormationRole")
    for service, made in (("ops.apigateway", True), ("ecs", False)):
        arn = f"arn:aws:iam::{account.account}:role/aws-service-role/{service}.amazonaws.com/x"
        context = {"iam:AWSServiceName": f"{service}.amazonaws.com"}
        assert allows(role, "iam:CreateServiceLinkedRole", arn, context) is made


def test_no_role_can_be_made_or_widened_without_the_boundary(account):
    bounded = account.arn("Boundary")
    widening = {
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "iam:PutRolePermissionsBoundary",
    }
    found = set()
    for statement in policy(account, "CloudFormationRole"):
        if statement["Effect"] == "Allow":
            for action in set(listed(statement["Action"])) & widening:
                assert statement["Condition"]["StringEquals"] == {
                    "iam:PermissionsBoundary": bounded
                }
                found.add(action)
            given = set(listed(statement["Action"]))
            assert not given & {"*", "iam:*", "iam:CreateUser", "iam:DeleteRolePermissionsBoundary"}
    assert found == widening


def test_the_pipeline_cannot_change_its_own_roles(bootstrap):
    """They are named after the stack of infra/pipeline.yaml, `darkroom-pipeline-STAGE`."""
    for stage in STAGES:
        for role in bootstrap["Resources"]:
            assert not fnmatch.fnmatch(f"darkroom-pipeline-{stage}-{role}", f"darkroom-{stage}-*")


# ── The pipeline's own role ──────────────────────────────────────────────────────────────────────
def operations(names: set[str], service: str) -> Iterator[str]:
    """Yield the names that are operations of a service in boto3: `s3:ListObjectsV2`."""
    model = botocore.session.Session().get_service_model(service)
    for operation in model.operation_names:
        if xform_name(operation) in names:
            yield f"{service}:{operation}"


def called_by(*paths: Path) -> set[str]:
    """The names of methods that modules call or name; for waiters and paginators, the
    operations."""
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    return {
        *(n.func.attr for n in nodes if isinstance(n, ast.Call) and hasattr(n.func, "attr")),
        *(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)),
    }


def test_the_pipelines_role_may_do_what_a_release_calls(account, stack):
    (deployer,) = (PROJECT / ".local" / "tools" / "sam").glob(f"lib/*/site-packages/{DEPLOYER}")
    ours = [PROJECT / "tools" / "release" / f"{name}.py" for name in ("accounts", "release")]
    names = called_by(*ours, PROJECT / "darkroom" / "cli" / "stack.py")
    wanted = {
        *(a for a in operations(called_by(deployer), "cloudformation")),
        *(a for service in ("cloudformation", "s3", "dynamodb", "lambda", "apigateway")
          for a in operations(names, service)),
        "s3:PutObject", "s3:GetObject",  # the SAM CLI's packages: look up, upload
    }  # fmt: skip
    wanted -= {f"cloudformation:{name}" for name in NOT_OF_A_RELEASE}
    assert {"cloudformation:CreateChangeSet", "cloudformation:DescribeStackEvents"} <= wanted
    arns = {
        "apigateway": f"arn:aws:apigateway:{stack.region}::/apikeys/k",
        "cloudformation": stack.value({"Ref": "AWS::StackId"}),
        "dynamodb": stack.arn("Tasks"),
        "lambda": f"{stack.arn('ApiFunction')}:live",
    }
    package = f"{account.arn('Artifacts')}/{stack.stack_name}/0123"
    role = policy(account, "PipelineRole")
    for operation in sorted(wanted):
        name = ACTIONS.get(operation, operation)
        match name:
            case "s3:GetObject" | "s3:PutObject":
                arn = package
            case "s3:DeleteObject":
                arn = f"{stack.arn('Files')}/results/x"
            case "s3:ListBucket":
                arn = stack.arn("Files")
            case "cloudformation:GetTemplateSummary":
                arn = "*"
            case _:
                arn = arns[name.partition(":")[0]]
        assert allows(role, name, arn), f"{name} on {arn}"


def test_the_pipelines_role_has_no_wildcard_and_passes_two_roles_only(account, stack):
    passed = []
    for statement in policy(account, "PipelineRole"):
        given = listed(statement["Action"])
        assert not [action for action in given if "*" in action]
        if statement["Resource"] == "*":
            assert WITHOUT_RESOURCES.issuperset(given)
        if "iam:PassRole" in given:
            passed.append(statement["Resource"])
    # The second one is for the receiver of a webhook, and has no permission to read or write.
    assert passed[0] == account.arn("CloudFormationRole")
    assert fnmatch.filter([stack.arn(r) for r in stack.of_type("AWS::IAM::Role")], passed[1]) == [
        stack.arn("PageRole")
    ]
    assert len(passed) == 2
    page = stack.resources["PageRole"]["Properties"]
    assert "Policies" not in page
    assert page["ManagedPolicyArns"] == [stack.arn("WriteLogsAndTraces")]


def test_a_change_set_may_be_made_with_the_transform_and_the_role(account, stack):
    role = policy(account, "PipelineRole")
    transform = f"arn:aws:cloudformation:{stack.region}:aws:transform/Serverless-2016-10-31"
    assert allows(role, "cloudformation:CreateChangeSet", transform)
    passed = account.arn("CloudFormationRole")
    to = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    assert allows(role, "iam:PassRole", passed, to)
    assert not allows(role, "iam:PassRole", stack.arn("ApiRole"), to)


def test_every_condition_of_the_trust_is_one_that_the_token_surely_meets(account, bootstrap):
    """No AWS document says that CloudFormation sends aws:SourceAccount."""
    trust = account.resources["CloudFormationRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert "Condition" not in json.dumps(trust)
    ids = {"Stage": "dev", "Repository": "o/n", "RepositoryWithIds": "o@1/n@2"}
    for parameters, subjects in (
        ({**ids, "RepositoryWithIds": ""}, ["repo:o/n:environment:dev"]),
        (ids, ["repo:o/n:environment:dev", "repo:o@1/n@2:environment:dev"]),
    ):
        role = Deployed(bootstrap, "darkroom-pipeline-dev", parameters).resources["PipelineRole"]
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        (operator,) = statement["Condition"]
        assert operator == "StringEquals"  # no pattern
        wanted = statement["Condition"][operator]
        assert wanted["token.actions.githubusercontent.com:sub"] == subjects
        assert wanted["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
