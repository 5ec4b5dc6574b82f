"""Each watched metric exists: in AWS's documentation, or because our code emits it."""

import ast
import json
import re
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from darkroom import errors
from tests.support.project import PROJECT
from tests.support.template.emitted import Emitted, emitted_by_functions
from tests.support.template.watched import ALARM, Watched, by_alarms, by_widgets, widgets
from tools.bench.cost import METRICS

RUNBOOK = (PROJECT / "docs" / "operate.md").read_text()

# From AWS's documentation: namespace and dimensions, metrics, page. Written from memory; those of
# SQS and Lambda were compared with copies of their pages on 2026-11-25.
DOCUMENTED = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", frozenset({"QueueName"})): {
        "ApproximateAgeOfOldestMessage", "ApproximateAgeOfOldestMessageInQuietGroups",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfEmptyReceives", "NumberOfMessagesDeleted", "NumberOfMessagesReceived",
        "NumberOfMessagesSent",
    },
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", frozenset({"FunctionName"})): {
        "Duration", "Errors", "Invocations", "Throttles",
    },
    ("AWS/Lambda", frozenset({"FunctionName", "Resource", "ExecutedVersion"})): {"Errors"},
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    ("AWS/States", frozenset({"StateMachineArn"})): {
        "ExecutionsStarted", "ExecutionsTimedOut", "ExecutionThrottled",
    },
    ("AWS/States", frozenset({"StateMachineArn", "Version"})): {
        "ExecutionsFailed", "ExecutionsStarted",
    },
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    ("AWS/ApiGateway", frozenset({"ApiName", "Stage"})): {
        "4XXError", "5XXError", "Count", "Latency",
    },
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", frozenset({"TableName"})): {
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits",
    },
    ("AWS/DynamoDB", frozenset({"TableName", "GlobalSecondaryIndexName"})): {
        "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits",
    },
}  # fmt: skip

# The value of a dimension must be an attribute of a resource of this type.
VALUES = {
    "QueueName": ("AWS::SQS::Queue", ".QueueName"),
    "FunctionName": ("AWS::Serverless::Function", ""),
    "StateMachineArn": ("AWS::Serverless::StateMachine", ""),
    "TableName": ("AWS::DynamoDB::Table", ""),
    "Stage": ("AWS::Serverless::Api", ".Stage"),
}
STACK = "${AWS::StackName}"


@pytest.fixture(scope="module")
def emitted() -> Emitted:
    with pytest.MonkeyPatch.context() as patch:
        return emitted_by_functions(patch, STACK)


@pytest.fixture(scope="module")
def watched(resources: dict[str, Any]) -> list[Watched]:
    return [*by_alarms(resources), *by_widgets(resources)]


def test_every_metric_of_aws_that_is_watched_is_documented_with_these_dimensions(
    watched: list[Watched],
):
    unknown = [
        metric
        for metric in watched
        if metric.namespace != "Darkroom"
        and metric.name not in DOCUMENTED.get((metric.namespace, metric.keys), set())
    ]
    assert unknown == []


def test_every_metric_of_ours_that_is_watched_is_emitted_with_these_dimensions(
    watched: list[Watched], emitted: Emitted
):
    ours = [metric for metric in watched if metric.namespace == "Darkroom"]
    assert ours
    for metric in ours:
        alike = [
            dict(d) for name, d in emitted if name == metric.name and dict(d).keys() == metric.keys
        ]
        assert alike, metric
        for key, value in metric.dimensions:
            if key == "error" and value:
                assert hasattr(errors, value), metric
            elif value:
                assert value in {dimensions[key] for dimensions in alike}, metric


def test_docs_cost_md_reckons_with_the_metrics_that_are_emitted_where_tasks_end_well(
    emitted: Emitted,
):
    assert sum(not {"error", "outcome"} & dict(d).keys() for _, d in emitted) == METRICS


def test_everything_that_the_code_emits_is_watched(watched: list[Watched], emitted: Emitted):
    seen = {(metric.name, metric.keys) for metric in watched}
    assert {(name, frozenset(dict(d))) for name, d in emitted} <= seen


def test_our_metrics_are_those_of_this_stack(template: dict[str, Any]):
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_every_dimension_is_of_a_resource_of_the_right_kind(
    watched: list[Watched], resources: dict[str, Any]
):
    indexes = {i["IndexName"] for i in resources["Tasks"]["Properties"]["GlobalSecondaryIndexes"]}
    for metric in watched:
        for key, value in metric.dimensions:
            if key == "Stage" and value == resources["Api"]["Properties"]["StageName"]:
                continue
            if key in VALUES:
                kind, attribute = VALUES[key]
                name = value.removeprefix("${").removesuffix(f"{attribute}}}")
                assert value == f"${{{name}{attribute}}}", metric
                assert resources[name]["Type"] == kind, metric
            elif key in {"ApiName", "service"}:
                assert value == STACK, metric
            elif key == "GlobalSecondaryIndexName":
                assert value in indexes, metric


def test_the_api_has_the_name_in_the_dimension_of_its_metrics(template, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    local = json.loads(json.dumps(template))
    for resource in local["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    api = Translator({}, Parser()).translate(local, {})["Resources"]["Api"]["Properties"]
    assert "Name" not in api
    assert api["Body"]["info"]["title"] == {"Ref": "AWS::StackName"}


@pytest.fixture(scope="module")
def alarms(resources: dict[str, Any]) -> dict[str, Any]:
    """Those for people. CodeDeploy reads the alarms that stop a canary: see test_deployment.py."""
    found = {n: r["Properties"] for n, r in resources.items() if r["Type"] == ALARM}
    return {name: alarm for name, alarm in found.items() if "AlarmName" in alarm}


def test_every_alarm_says_what_it_means_and_which_part_of_the_runbook_to_read(alarms):
    for name, alarm in alarms.items():
        meaning, _, place = alarm["AlarmDescription"].partition(' See "')
        assert len(meaning) > 40, name
        title = place.removesuffix('" in docs/operate.md.')
        assert f"## {title}\n" in RUNBOOK, name
        section = RUNBOOK.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert f"`{alarm['AlarmName']['Fn::Sub'].removeprefix(STACK + '-')}`" in section, name


def test_every_alarm_notifies_when_it_fires_and_clears_and_defines_missing_data(alarms):
    for name, alarm in alarms.items():
        reported = [{"Ref": "AlarmTopic"}]
        assert alarm["AlarmActions"] == alarm["OKActions"] == reported, name
        assert alarm["TreatMissingData"] in {"breaching", "notBreaching", "ignore"}, name


def test_every_expression_of_an_alarm_is_of_metrics_that_it_has(alarms):
    for name, alarm in alarms.items():
        if "Metrics" not in alarm:
            continue
        (expression,) = (q["Expression"] for q in alarm["Metrics"] if "Expression" in q)
        measured = {q["Id"] for q in alarm["Metrics"] if q.get("ReturnData") is False}
        assert len(measured) == len(alarm["Metrics"]) - 1 <= 10, name
        used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        assert used - {"IF", "SUM", "FILL", "METRICS"} <= measured, name
        assert "METRICS" in used or measured <= used, name


def test_the_dashboard_shows_every_alarm(alarms, resources):
    (widget,) = (w for w in widgets(resources) if w["type"] == "alarm")
    assert set(widget["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in alarms}


def test_the_dashboard_calculates_with_the_memory_of_each_function(template, resources):
    (metrics,) = (
        w["properties"]["metrics"]
        for w in widgets(resources)
        if w["type"] == "metric" and w["properties"]["title"].startswith("Dollars")
    )
    (expression,) = (m[0]["expression"] for m in metrics if m[-1]["id"] == "lambda")
    reckoned = dict(re.findall(r"FILL\((d_\w+), 0\) \* (\d+)", expression))
    functions = {m[3].strip("${}"): m[4]["id"] for m in metrics if "Duration" in m}
    memory = template["Globals"]["Function"]["MemorySize"]
    there = {n: r for n, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}
    assert functions.keys() == there.keys()
    for name, function in there.items():
        assert int(reckoned[functions[name]]) == function["Properties"].get("MemorySize", memory)


def test_a_trace_goes_through_api_functions_and_state_machine(template, resources):
    assert template["Globals"]["Function"]["Tracing"] == "Active"
    kinds: dict[str, list[dict[str, Any]]] = {}
    for resource in resources.values():
        kinds.setdefault(resource["Type"], []).append(resource["Properties"])
    apart = {
        n for n, r in resources.items() if r.get("Properties", {}).get("Tracing") == "PassThrough"
    }
    assert apart == {"AnnounceFunction"}  # called by a stream, which has no trace
    assert all(api["TracingEnabled"] for api in kinds["AWS::Serverless::Api"])
    assert all(m["Tracing"] == {"Enabled": True} for m in kinds["AWS::Serverless::StateMachine"])
    for machine in ("TaskStateMachine", "BatchStateMachine"):
        written = json.dumps(resources[f"{machine}Role"])
        assert "xray:PutTraceSegments" in written
        assert "xray:GetSamplingRules" in written


def test_cloudwatch_may_use_the_key_that_alarms_are_encrypted_with(resources):
    assert resources["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "AlarmKey"}
    statements = resources["AlarmKey"]["Properties"]["KeyPolicy"]["Statement"]
    (allowed,) = (s for s in statements if "Service" in s["Principal"])
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(allowed["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
