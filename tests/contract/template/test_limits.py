"""The resources are within the limits that CloudFormation and the services check at creation.

Lengths, patterns and values in the registry schemas are checked on the template of a stack with the
longest name that is allowed. Limits that the schemas lack are written here.
"""

import json
from itertools import chain
from typing import Any

import pytest

from darkroom.tasks.erasure_rules import STEP_SECONDS
from tests.support.project import PROJECT
from tests.support.template.policies import documents
from tests.support.template.resolved import Deployed, compact, strings
from tools.build.cloudformation import translated, violations
from tools.release.stages import stages

LONGEST = "darkroom-".ljust(62, "x")
"""X-Ray takes 64 characters for a sampling rule's service, which are the stack's name and `/*`."""
FULL = {
    "AlarmEmail": "someone@example.com",
    "Deployment": "Canary",
    "Heic": "true",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
    "Release": "0123456789",
    "WorkflowType": "EXPRESS",
}
PLAIN = {
    "ConsoleUrl": "https://example.com/",
    "Deployment": "AllAtOnce",
    "TracedShare": "1",
    "WorkflowType": "STANDARD",
}
RESERVED = ("AWS_", "LAMBDA_")


@pytest.fixture(scope="module", params=[True, False], ids=["all conditions", "no condition"])
def stack(request: pytest.FixtureRequest, template: dict[str, Any]) -> Deployed:
    """A stack with every condition of the template true, and one with every condition false."""
    parameters = FULL if request.param else PLAIN
    found = Deployed(translated(template, parameters), LONGEST, parameters)
    for name in found.template["Conditions"]:
        assert found.holds({"Condition": name}) is request.param, name
    return found


@pytest.fixture(scope="module")
def account(bootstrap: dict[str, Any]) -> Deployed:
    parameters = {"Stage": "staging", "Repository": "o/n", "RepositoryWithIds": "o@1/n@2"}
    return Deployed(bootstrap, "darkroom-pipeline-staging", parameters, region="ap-southeast-2")


def functions(stack: Deployed) -> dict[str, dict[str, Any]]:
    return stack.of_type("AWS::Lambda::Function")


# ── What the registry schemas know ───────────────────────────────────────────────────────────────
def test_the_schemas_take_every_value_of_a_stack(stack):
    assert violations({"Resources": stack.resources}) == []


def test_the_schemas_take_every_value_of_an_account(account):
    assert violations({"Resources": account.resources}) == []


def test_the_stages_have_names_that_are_short_enough():
    assert max(len(stage.stack_name) for stage in stages().values()) <= len(LONGEST)


# ── CloudFormation ───────────────────────────────────────────────────────────────────────────────
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
def test_the_template_is_within_cloudformations_quotas(document):
    # SAM deploys through S3. The service counts the template before and after the transform.
    assert len(compact(document)) < 1_000_000
    assert len((PROJECT / "template.yaml").read_bytes()) < 1_000_000
    assert len(document["Resources"]) <= 500
    assert len(document["Parameters"]) <= 200
    assert len(document["Outputs"]) <= 200
    assert all(len(mapping) <= 200 for mapping in document["Mappings"].values())
    assert len(document["Description"].encode()) <= 1024
    assert all(len(p["Description"]) <= 4000 for p in document["Parameters"].values())
    assert all(len(o["Description"].encode()) <= 1024 for o in document["Outputs"].values())
    names = chain.from_iterable(document[k] for k in ("Resources", "Parameters", "Outputs"))
    assert all(name.isalnum() and len(name) <= 255 for name in names)


def test_bootstrap_can_be_sent_without_a_bucket():
    """`aws cloudformation deploy` sends it as it is."""
    assert len((PROJECT / "infra" / "pipeline.yaml").read_bytes()) <= 51_200


# ── IAM ──────────────────────────────────────────────────────────────────────────────────────────
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
def test_roles_and_policies_are_within_iams_quotas(stack, account):
    for place in (stack, account):
        for name, role in place.of_type("AWS::IAM::Role").items():
            assert sum(len(compact(document)) for document in documents(role)) <= 10_240, name
            assert len(compact(role["AssumeRolePolicyDocument"])) <= 2048, name
            attached = [
                p
                for p in place.of_type("AWS::IAM::ManagedPolicy").values()
                if place.name(name) in p.get("Roles", [])
            ]
            assert len(attached) + len(role.get("ManagedPolicyArns", [])) <= 10, name
        for name, policy in place.of_type("AWS::IAM::ManagedPolicy").items():
            assert len(compact(policy["PolicyDocument"])) <= 6144, name


@pytest.mark.parametrize(
    ("kind", "field", "most"),
    [
        # https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
        ("AWS::KMS::Key", "KeyPolicy", 32 * 1024),
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
        ("AWS::S3::BucketPolicy", "PolicyDocument", 20 * 1024),
        # https://docs.aws.amazon.com/general/latest/gr/sns.html
        ("AWS::SNS::TopicPolicy", "PolicyDocument", 30 * 1024),
        # A queue's policy is an attribute; at most 20 statements, 50 principals, 10 conditions.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
        ("AWS::SQS::QueuePolicy", "PolicyDocument", 8 * 1024),
    ],
)
def test_policies_of_resources_are_short_enough(kind, field, most, stack):
    for name, properties in stack.of_type(kind).items():
        assert len(compact(properties[field])) <= most, name
        assert len(properties[field]["Statement"]) <= 20, name


# ── Lambda ───────────────────────────────────────────────────────────────────────────────────────
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
def test_a_function_has_at_most_five_layers_each_once(stack):
    for name, function in functions(stack).items():
        assert len(set(function["Layers"])) == len(function["Layers"]) <= 5, name


def test_the_variables_of_a_function_are_4_kilobytes_at_most_and_no_name_of_lambdas(stack):
    for name, function in functions(stack).items():
        variables = function["Environment"]["Variables"]
        assert len(compact(variables).encode()) <= 4096, name
        assert not [v for v in variables if v.startswith(RESERVED)], name


def test_the_policy_of_a_function_is_20_kilobytes_at_most(stack):
    """Each route adds a statement, written by Lambda, to the policy of its function."""
    sizes: dict[str, int] = {}
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        about = {
            "Sid": f"{LONGEST}-{permission['FunctionName']}-0123456789AB",
            "Effect": "Allow",
            "Principal": {"Service": permission["Principal"]},
            "Action": permission["Action"],
            "Resource": permission["FunctionName"],
            "Condition": {"ArnLike": {"AWS:SourceArn": permission["SourceArn"]}},
        }
        name = permission["FunctionName"]
        sizes[name] = sizes.get(name, 100) + len(compact(about)) + 1
    assert sizes
    assert max(sizes.values()) <= 20 * 1024


def test_a_queue_hides_a_message_for_six_times_the_timeout_of_the_function_that_reads_it(stack):
    """With a smaller value, Lambda refuses the mapping.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queues = {stack.arn(name): queue for name, queue in stack.of_type("AWS::SQS::Queue").items()}
    timeouts = {
        stack.name(name): function["Timeout"] for name, function in functions(stack).items()
    }
    read = 0
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        if mapping["EventSourceArn"] in queues:
            queue = queues[mapping["EventSourceArn"]]
            timeout = timeouts[mapping["FunctionName"].split(":")[6]]
            assert queue["VisibilityTimeout"] >= 6 * timeout, mapping["FunctionName"]
            assert mapping["BatchSize"] <= 10 or mapping["MaximumBatchingWindowInSeconds"]
            assert 2 <= int(mapping["ScalingConfig"]["MaximumConcurrency"]) <= 1000
            read += 1
    assert read


def test_the_values_of_a_parameter_are_those_that_its_service_takes(document):
    for name in ("MaximumConcurrency", "CallbackConcurrency"):
        concurrency = document["Parameters"][name]
        assert (concurrency["MinValue"], concurrency["MaxValue"]) == (2, 1000)
    # From 30 messages in flight on, SQS recognizes a caller that occupies more than its share:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
    assert document["Parameters"]["CallbackConcurrency"]["Default"] > 30
    days = document["Parameters"]["LogRetentionDays"]["AllowedValues"]
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    assert set(days) <= {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}


# ── Events ───────────────────────────────────────────────────────────────────────────────────────
def test_patterns_and_filters_are_short_enough(stack):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        assert len(compact(rule.get("EventPattern", {}))) <= 2048, name
        assert len(rule["Targets"]) <= 5, name
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        filters = mapping.get("FilterCriteria", {"Filters": []})["Filters"]
        assert len(filters) <= 5, name
        assert all(len(f["Pattern"]) <= 4096 for f in filters), name


# ── CloudWatch and CodeDeploy ────────────────────────────────────────────────────────────────────
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
def test_alarms_are_valid_for_cloudwatch(stack):
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        queries = alarm.get("Metrics", [])
        if queries:
            ids = [query["Id"] for query in queries]
            assert len(set(ids)) == len(ids), name
            assert all(i[0].islower() and i.replace("_", "").isalnum() for i in ids), name
            assert len([q for q in queries if q.get("ReturnData", True)]) == 1, name
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
            assert len([q for q in queries if "MetricStat" in q]) <= 10, name
            periods = {q["MetricStat"]["Period"] for q in queries if "MetricStat" in q}
        else:
            periods = {alarm["Period"]}
        for period in periods:
            assert period in {10, 20, 30} or period % 60 == 0, name
            assert alarm["EvaluationPeriods"] * period <= 24 * 3600, name
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"], name


def test_a_deployment_asks_at_most_ten_alarms(stack):
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html"""
    for name, group in stack.of_type("AWS::CodeDeploy::DeploymentGroup").items():
        alarms = [alarm["Name"] for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])]
        assert len(set(alarms)) == len(alarms) <= 10, name


def test_the_dashboard_is_json_and_within_its_quotas(stack):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"""
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    metrics = [len(widget["properties"].get("metrics", [])) for widget in widgets]
    assert len(widgets) <= 500
    assert max(metrics) <= 500
    assert sum(metrics) <= 2500
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)


# ── Step Functions and DynamoDB ──────────────────────────────────────────────────────────────────
def test_a_definition_is_a_megabyte_at_most_with_what_is_put_into_it(stack):
    """https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
    for machine in stack.of_type("AWS::StepFunctions::StateMachine").values():
        added = sum(map(len, strings(machine["DefinitionSubstitutions"])))
        for path in (PROJECT / "statemachine").glob("*.asl.json"):
            # A name may be put in more than once.
            assert len(path.read_bytes()) + 50 * added <= 1024 * 1024


def test_the_machines_log_where_the_accounts_policy_for_log_delivery_does_not_grow(stack):
    """https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html"""
    for machine in stack.of_type("AWS::StepFunctions::StateMachine").values():
        (to,) = machine["LoggingConfiguration"]["Destinations"]
        assert ":log-group:/aws/vendedlogs/" in to["CloudWatchLogsLogGroup"]["LogGroupArn"]


def test_tables_are_within_dynamodbs_quotas(stack):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
    for name, table in stack.of_type("AWS::DynamoDB::Table").items():
        indexes = table["GlobalSecondaryIndexes"]
        assert len(indexes) <= 20, name
        copied = [i["Projection"].get("NonKeyAttributes", []) for i in indexes]
        assert sum(map(len, copied)) <= 100, name
        keys = {k["AttributeName"] for part in [table, *indexes] for k in part["KeySchema"]}
        assert {a["AttributeName"] for a in table["AttributeDefinitions"]} == keys, name


def test_a_step_has_ended_when_the_files_of_its_deleted_task_are_looked_at_again(document):
    """`STEP_SECONDS` after a task was cancelled, no function of it may still write a file."""
    stack = Deployed(document, "darkroom")
    steps = ("DownloadFunction", "GrayscaleFunction", "UploadFunction")
    timeouts = [stack.resources[name]["Properties"]["Timeout"] for name in steps]
    assert max(timeouts) < STEP_SECONDS
