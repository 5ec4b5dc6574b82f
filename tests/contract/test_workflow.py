"""The workflow may do little, stores no key, and runs the steps that are tested here."""

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from pipeline.stages import stages

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yaml"))
STAGES = ["dev", "staging", "prod"]


@pytest.fixture(scope="module")
def workflows() -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a truth.
    return {path.stem: yaml.safe_load(path.read_text()) for path in WORKFLOWS}


@pytest.fixture(scope="module")
def bootstrap() -> dict[str, Any]:
    return yaml_parse((PROJECT / "pipeline" / "bootstrap.yaml").read_text())["Resources"]


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def actions(statement: dict[str, Any]) -> list[str]:
    given = statement["Action"]
    return [given] if isinstance(given, str) else given


# ── The workflow ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path):
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("$/"):  # this repository, at the commit that runs
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_secret_is_used_and_no_key(path: Path):
    text = path.read_text()
    assert "secrets" not in text
    assert "access-key" not in text


def test_a_job_may_read_the_code_and_only_a_stage_may_ask_for_an_identity(workflows):
    for name, workflow in workflows.items():
        assert workflow["permissions"] == {}, name
        for job_name, job in workflow["jobs"].items():
            wanted = {"contents": "read"}
            if name == "stage" or "uses" in job:
                wanted["id-token"] = "write"
            assert job["permissions"] == wanted, job_name


def test_no_value_of_a_run_is_pasted_into_a_shell(workflows):
    for workflow in workflows.values():
        assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_one_build_goes_through_the_stages_in_their_order(workflows):
    jobs = workflows["release"]["jobs"]
    assert list(jobs) == ["check", "build", *STAGES]
    assert list(stages()) == STAGES
    for earlier, later in zip(list(jobs), list(jobs)[1:], strict=False):
        assert jobs[later]["needs"] == earlier
    for stage in STAGES:
        assert jobs[stage]["with"] == {"stage": stage}
    commands = [step["run"] for step in steps(workflows["release"]) if "run" in step]
    assert commands == ["make lint", "make test", "make build"]
    up, down = (
        next(s["with"] for s in steps(workflows[name]) if kind in s.get("uses", ""))
        for name, kind in (("release", "upload-artifact"), ("stage", "download-artifact"))
    )
    assert (up["name"], up["path"]) == (down["name"], down["path"])


def test_a_stage_runs_the_step_that_make_pipeline_local_runs(workflows):
    job = workflows["stage"]["jobs"]["release"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ['make release STAGE="$STAGE" COMMIT="$GITHUB_SHA"']
    assert job["environment"] == "${{ inputs.stage }}"
    read = re.findall(r'environ\["(\w+)"\]', (PROJECT / "pipeline" / "accounts.py").read_text())
    assert set(read) | {"STAGE"} == set(job["env"])
    makefile = (PROJECT / "Makefile").read_text()
    assert "python -m pipeline $(STAGE) $(COMMIT)" in makefile
    for module in ("__main__", "local"):
        code = (PROJECT / "pipeline" / f"{module}.py").read_text()
        assert "from pipeline.release import" in code
        assert " release(account" in code


def test_the_variables_of_an_environment_are_what_bootstrap_gives_out():
    template = yaml_parse((PROJECT / "pipeline" / "bootstrap.yaml").read_text())
    told = {o["Description"].removeprefix("The variable ") for o in template["Outputs"].values()}
    used = set(re.findall(r"vars\.(\w+)", WORKFLOWS[1].read_text()))
    assert used == told | {"AWS_REGION"}


# ── The roles ────────────────────────────────────────────────────────────────────────────────────
def test_only_the_stages_environment_of_the_repository_gets_the_pipelines_role(bootstrap):
    trust = bootstrap["PipelineRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert len(trust) == 1
    (condition,) = trust[0]["Condition"].items()
    operator, wanted = condition
    host = "token.actions.githubusercontent.com"
    assert operator == "StringEquals"  # no pattern
    assert wanted[f"{host}:aud"] == "sts.amazonaws.com"
    assert wanted[f"{host}:sub"] == {"Fn::Sub": "repo:${Repository}:environment:${Stage}"}


def test_the_pipelines_role_has_no_wildcard_and_passes_one_role_only(bootstrap):
    for statement in statements(bootstrap["PipelineRole"]):
        assert not [action for action in actions(statement) if "*" in action]
        if statement["Resource"] == "*":
            assert actions(statement) == ["cloudformation:GetTemplateSummary"]
        if "iam:PassRole" in actions(statement):
            assert statement["Resource"] == {"Fn::GetAtt": ["CloudFormationRole", "Arn"]}


def test_no_role_can_be_made_or_widened_without_the_boundary(bootstrap):
    bounded = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}}
    widening = {
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "iam:PutRolePermissionsBoundary",
    }
    found = set()
    for statement in statements(bootstrap["CloudFormationRole"]):
        for action in set(actions(statement)) & widening:
            assert statement["Condition"]["StringEquals"] == bounded["StringEquals"], action
            found.add(action)
        assert not [a for a in actions(statement) if a in {"*", "iam:*", "iam:CreateUser"}]
        assert "iam:DeleteRolePermissionsBoundary" not in actions(statement)
    assert found == widening


def test_the_roles_of_the_pipeline_are_out_of_its_own_reach(bootstrap):
    """They are named after the stack of bootstrap.yaml, `darkroom-pipeline-STAGE`."""
    for stage in STAGES:
        for role in bootstrap:
            assert not fnmatch.fnmatch(f"darkroom-pipeline-{stage}-{role}", f"darkroom-{stage}-*")


def test_cloudformation_may_do_something_in_each_service_that_the_stack_uses(bootstrap, translate):
    """Whether it is enough only AWS can tell; that a service was forgotten, this can."""
    prefixes = {"StepFunctions": "states"}
    services = {r["Type"].split("::")[1] for r in translate().values()}
    needed = {prefixes.get(service, service.lower()) for service in services}
    role = bootstrap["CloudFormationRole"]
    allowed = {action.partition(":")[0] for s in statements(role) for action in actions(s)}
    assert needed <= allowed


def test_the_boundary_allows_all_that_the_roles_of_the_stack_are_allowed(bootstrap, resources):
    document = bootstrap["Boundary"]["Properties"]["PolicyDocument"]
    allowed = {action for statement in document["Statement"] for action in actions(statement)}
    needed = set()
    for resource in resources.values():
        documents = [p["PolicyDocument"] for p in resource["Properties"].get("Policies", [])]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents.append(resource["Properties"]["PolicyDocument"])
        needed |= {a for d in documents for s in d["Statement"] for a in actions(s)}
    # What CodeDeploy's own policy lets it do to the alias of a function.
    codedeploy = {
        "cloudwatch:DescribeAlarms",
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
    }
    assert allowed == needed | codedeploy
