"""A release goes live gradually and can be rolled back, according to the translated template."""

import json
import tomllib
from typing import Any

import pytest

from tests.support.project import PROJECT
from tools.localcloud.deploy import without_traffic_shifting

TASK_STEPS = {"UpdateStatusFunction", "DownloadFunction", "GrayscaleFunction", "UploadFunction"}
STEPS = TASK_STEPS | {"EnterFunction", "BatchFunction"}
"""Functions that a state machine calls, by version."""
ALARMS = {"NewVersionsFail", "NewExecutionsFail", "ApiBreaks"}


@pytest.fixture
def functions(resources: dict[str, Any]) -> set[str]:
    return {n for n, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}


def of_type(translated: dict[str, Any], kind: str) -> dict[str, Any]:
    return {n: r["Properties"] for n, r in translated.items() if r["Type"] == kind}


def versions(translated: dict[str, Any]) -> dict[str, str]:
    """The version resource of each function."""
    found = of_type(translated, "AWS::Lambda::Version")
    return {v["FunctionName"]["Ref"]: name for name, v in found.items()}


def chosen(value: Any, *, gradual: bool) -> Any:
    """The branch of an `If` in a stack with or without `Deployment=Canary`."""
    condition, yes, no = value["Fn::If"]
    assert condition == "Gradual"
    return yes if gradual else no


def test_every_function_has_a_version_that_stays_and_an_alias_live(translate, functions):
    translated = translate()
    aliases = of_type(translated, "AWS::Lambda::Alias")
    assert {alias["FunctionName"]["Ref"] for alias in aliases.values()} == functions
    assert {alias["Name"] for alias in aliases.values()} == {"live"}
    assert versions(translated).keys() == functions
    for version in versions(translated).values():
        # A running execution may still need the previous version.
        assert translated[version]["DeletionPolicy"] == "Retain"


def test_a_release_publishes_a_version_of_every_function(translate, functions):
    first, second = versions(translate(Release="a1")), versions(translate(Release="b2"))
    assert {name for name in functions if first[name] != second[name]} == functions
    # Lambda does not create a version without a change, so CloudFormation would fail.
    assert of_type(translate(Release="b2"), "AWS::Lambda::Function")["UploadFunction"][
        "Description"
    ].endswith(" b2")


def test_without_a_release_new_code_and_new_layers_are_published(translate, functions):
    def changed(name: str) -> set[str]:
        now, then = versions(translate({name: "second"})), versions(translate())
        return {function for function in functions if now[function] != then[function]}

    assert changed("UploadFunction") == {"UploadFunction"}
    assert changed("PillowLayer") == {"GrayscaleFunction"}
    assert changed("DarkroomLayer") == functions


def test_the_version_of_the_machine_names_versions_of_functions(translate):
    """Both are immutable, so an execution ends with the code with which it began."""
    translated = translate()
    machine = translated["TaskStateMachine"]["Properties"]
    named = {reference["Ref"] for reference in machine["DefinitionSubstitutions"].values()}
    assert named == {versions(translated)[step] for step in TASK_STEPS}

    version = translated["TaskStateMachineVersion"]
    assert version["Properties"]["StateMachineRevisionId"] == {
        "Fn::GetAtt": ["TaskStateMachine", "StateMachineRevisionId"]
    }
    assert version["DeletionPolicy"] == version["UpdateReplacePolicy"] == "Retain"


def test_the_dispatcher_starts_executions_through_the_alias(translate):
    translated = translate()
    dispatch = translated["DispatchFunction"]["Properties"]["Environment"]["Variables"]
    assert dispatch["STATE_MACHINE_ARN"] == {"Ref": "TaskStateMachineAliaslive"}
    preference = translated["TaskStateMachineAliaslive"]["Properties"]["DeploymentPreference"]
    assert preference["StateMachineVersionArn"] == {"Ref": "TaskStateMachineVersion"}


def test_every_event_reaches_its_function_through_the_alias(translate, functions):
    translated = translate()
    mappings = of_type(translated, "AWS::Lambda::EventSourceMapping").values()
    targets = [
        target["Arn"]["Ref"]
        for rule in of_type(translated, "AWS::Events::Rule").values()
        for target in rule["Targets"]
        if "Ref" in target["Arn"]
    ]
    called = {mapping["FunctionName"]["Ref"] for mapping in mappings} | set(targets)
    routes = json.dumps(translated["Api"]["Properties"]["Body"])
    over_http = {"ApiFunction", "PageFunction"}
    reached = {f"{name}Aliaslive" for name in functions - STEPS}
    assert called | {f"{name}Aliaslive" for name in over_http} == reached
    for name in over_http:
        assert f"${{{name}Aliaslive}}" in routes
        assert f"${{{name}.Arn}}" not in routes


def test_functions_that_events_reach_are_shifted_and_steps_go_with_the_machine(
    translate, functions
):
    translated = translate()
    groups = of_type(translated, "AWS::CodeDeploy::DeploymentGroup")
    assert groups.keys() == {f"{name}DeploymentGroup" for name in functions - STEPS}
    for name in functions - STEPS:
        policy = translated[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["DeploymentGroupName"] == {"Ref": f"{name}DeploymentGroup"}
    for group in groups.values():
        kinds = [
            chosen(group["DeploymentConfigName"], gradual=gradual)["Fn::Sub"][1]["ConfigName"]
            for gradual in (True, False)
        ]
        assert kinds == ["Canary10Percent10Minutes", "AllAtOnce"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_a_canary_is_rolled_back_when_an_alarm_fires(translate):
    translated = translate()
    asked = set()
    for group in of_type(translated, "AWS::CodeDeploy::DeploymentGroup").values():
        alarms = chosen(group["AlarmConfiguration"], gradual=True)
        assert alarms["Enabled"] is True
        asked |= {alarm["Name"]["Ref"] for alarm in alarms["Alarms"]}
        # With `AllAtOnce` nothing waits, so a fix can be deployed while an alarm is on.
        assert chosen(group["AlarmConfiguration"], gradual=False) == {}
    machine = translated["TaskStateMachineAliaslive"]["Properties"]["DeploymentPreference"]
    assert chosen(machine["Type"], gradual=True) == "CANARY"
    assert chosen(machine["Type"], gradual=False) == "ALL_AT_ONCE"
    asked |= {alarm["Ref"] for alarm in chosen(machine["Alarms"], gradual=True)}
    assert asked == ALARMS


def test_the_alarms_look_at_new_versions_and_miss_no_function(translate, functions):
    translated = translate(Release="r1")
    metrics = translated["NewVersionsFail"]["Properties"]["Metrics"][1:]
    seen = set()
    for metric in metrics:
        found = metric["MetricStat"]["Metric"]
        dimensions = {d["Name"]: d["Value"] for d in found["Dimensions"]}
        function = dimensions["FunctionName"]["Ref"]
        assert (found["Namespace"], found["MetricName"]) == ("AWS/Lambda", "Errors")
        assert dimensions["Resource"] == {"Fn::Sub": f"${{{function}}}:live"}
        assert dimensions["ExecutedVersion"] == {
            "Fn::GetAtt": [versions(translated)[function], "Version"]
        }
        seen.add(function)
    assert seen == functions - STEPS
    for name in ALARMS:
        # Missing traffic is not a reason for a rollback.
        assert translated[name]["Properties"]["TreatMissingData"] == "notBreaching"


def test_the_local_cloud_is_given_the_same_but_for_what_shifts_traffic(translate):
    aws, local = translate(Release="r1"), translate(change=without_traffic_shifting, Release="r1")
    missing = {aws[name]["Type"] for name in aws.keys() - local.keys()}
    assert missing == {
        "AWS::CloudWatch::Alarm",  # two that compute
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::StepFunctions::StateMachineAlias",
        "AWS::StepFunctions::StateMachineVersion",
    }
    assert local.keys() <= aws.keys()
    started = local["DispatchFunction"]["Properties"]["Environment"]["Variables"]
    assert started["STATE_MACHINE_ARN"] == {"Ref": "TaskStateMachine"}
    machines = [r for r in local.values() if r["Type"] == "AWS::StepFunctions::StateMachine"]
    for name in STEPS:
        assert json.dumps(machines).count(versions(local)[name]) == 1


def test_every_role_of_the_stack_takes_the_boundary(translate):
    for name, role in of_type(translate(), "AWS::IAM::Role").items():
        assert role["PermissionsBoundary"]["Fn::If"][:2] == [
            "Bounded",
            {"Ref": "PermissionsBoundary"},
        ], name


def test_a_deployment_by_hand_after_one_of_the_pipeline_goes_live():
    """CloudFormation keeps the value of a parameter that is not given, and so the names of
    versions."""
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    for stage in ("default", "staging", "prod"):
        overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"].split()
        assert 'Release=""' in overrides, stage


def test_only_prod_is_deployed_gradually():
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    gradual = {
        stage
        for stage, settings in config.items()
        if stage != "version"
        and "Deployment=Canary" in settings["deploy"]["parameters"]["parameter_overrides"].split()
    }
    assert gradual == {"prod"}
