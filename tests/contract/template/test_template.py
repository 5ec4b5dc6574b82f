"""The template keeps the promises that only it can keep."""

import re
import tomllib
from typing import Any

import pytest

from darkroom.aws.console_links import machine_url
from tests.support.project import PROJECT

NO_RESOURCES = {"dynamodb:ListStreams", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# Roles that may only write logs and traces, because their functions are open to everybody.
MAY_DO_NOTHING = {"PageRole"}
STORAGE = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
PHYSICAL_NAMES = {
    "AlarmName", "DashboardName", "FunctionName", "LayerName", "LogGroupName", "Name", "QueueName",
    "RoleName", "TableName", "TopicName",
}  # fmt: skip
POLICIES_OF_DATA = {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}
SECONDS_PER_DAY = 86_400


@pytest.fixture(scope="module")
def functions(resources: dict[str, Any]) -> dict[str, Any]:
    return {n: r for n, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}


def properties(resource: dict[str, Any]) -> dict[str, Any]:
    return resource["Properties"]


def test_every_function_has_a_role_of_its_own_and_no_broad_policy(functions, resources):
    roles = [properties(f)["Role"]["Fn::GetAtt"][0] for f in functions.values()]
    assert len(set(roles)) == len(functions)
    for role in roles:
        assert properties(resources[role])["ManagedPolicyArns"] == [{"Ref": "WriteLogsAndTraces"}]
        own = properties(resources[role]).get("Policies", [])
        assert len(own) == (0 if role in MAY_DO_NOTHING else 1), role


def test_no_policy_of_a_function_has_a_wildcard(functions, resources):
    roles = {properties(f)["Role"]["Fn::GetAtt"][0] for f in functions.values()} - MAY_DO_NOTHING
    documents = [properties(resources[r])["Policies"][0]["PolicyDocument"] for r in roles]
    documents.append(properties(resources["WriteLogsAndTraces"])["PolicyDocument"])
    for document in documents:
        for statement in document["Statement"]:
            actions = statement["Action"]
            actions = {actions} if isinstance(actions, str) else set(actions)
            assert not [action for action in actions if "*" in action]
            assert statement["Resource"] != "*" or actions <= NO_RESOURCES


def test_an_account_that_is_busy_for_an_hour_makes_no_dead_letters(resources):
    queue = properties(resources["TaskQueue"])
    redrive = queue["RedrivePolicy"]
    # Each receive of a message that is not started hides it for the visibility timeout.
    assert redrive["maxReceiveCount"] * queue["VisibilityTimeout"] > 1.5 * 3600
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


def test_dispatch_reports_each_message_and_has_bounded_concurrency(functions):
    event = properties(functions["DispatchFunction"])["Events"]["Messages"]["Properties"]
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}


def days_of_files(resources):
    rules = properties(resources["Files"])["LifecycleConfiguration"]["Rules"]
    return {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in rules}


def test_work_files_are_cleared_after_a_day(resources):
    assert days_of_files(resources)["work/"] == 1


def test_what_a_task_reads_outlives_the_longest_wait_of_its_message(resources):
    """A day to submit it, the time in the queue, and a day to be executed."""
    queue = properties(resources["TaskQueue"])["MessageRetentionPeriod"] / SECONDS_PER_DAY
    days = days_of_files(resources)
    assert days["uploads/"] == days["imports/"] == days["batches/"] == queue + 2


@pytest.mark.parametrize("name", ["TaskQueue", "CallbackQueue"])
def test_a_message_is_kept_for_two_weeks_the_last_day_as_a_dead_letter(resources, name):
    """The age is counted from the first send. With the same retention period, a dead letter would
    be deleted at once.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """
    queue = properties(resources[name])
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    kept = [properties(resources[each])["MessageRetentionPeriod"] for each in (name, dead)]
    assert kept == [13 * SECONDS_PER_DAY, 14 * SECONDS_PER_DAY]


def test_the_bucket_is_private_and_queues_and_bucket_take_tls_only(resources):
    assert set(properties(resources["Files"])["PublicAccessBlockConfiguration"].values()) == {True}
    policies = [n for n, r in resources.items() if r["Type"] in POLICIES_OF_DATA]
    for policy in policies:
        statement = properties(resources[policy])["PolicyDocument"]["Statement"][0]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    queues = [n for n, r in resources.items() if r["Type"] == "AWS::SQS::Queue"]
    assert sorted(policies) == sorted(["FilesOverTlsOnly", *(f"{name}Policy" for name in queues)])


def test_a_statement_about_a_queue_names_one_resource(resources):
    """SQS accepts a policy of one queue only, with statements about that queue."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::SQS::QueuePolicy":
            queues = [queue["Ref"] for queue in properties(resource)["Queues"]]
            assert len(queues) == 1, name
            for statement in properties(resource)["PolicyDocument"]["Statement"]:
                assert statement["Resource"] == {"Fn::GetAtt": [queues[0], "Arn"]}, name


def test_what_holds_data_outlives_the_stack(resources):
    for name, resource in resources.items():
        if resource["Type"] in STORAGE:
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name


def test_every_parameter_is_described_and_has_a_default(template):
    for name, parameter in template["Parameters"].items():
        assert len(parameter["Description"]) > 20, name
        assert "Default" in parameter, name


def test_the_workflow_type_is_a_parameter(template, resources):
    assert template["Parameters"]["WorkflowType"]["AllowedValues"] == ["STANDARD", "EXPRESS"]
    assert properties(resources["TaskStateMachine"])["Type"] == {"Ref": "WorkflowType"}


def test_logs_keep_no_data_of_executions(resources):
    logging = properties(resources["TaskStateMachine"])["Logging"]
    assert logging["IncludeExecutionData"] is False


def test_the_log_level_keeps_metrics_and_hides_what_the_sdk_sends(functions, template):
    """Lambda's log level overrides that of Powertools, so only Lambda's is set."""
    settings = template["Globals"]["Function"]
    assert settings["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    for function in functions.values():
        assert "LoggingConfig" not in properties(function)
        variables = properties(function).get("Environment", {}).get("Variables", {})
        assert "POWERTOOLS_LOG_LEVEL" not in variables | settings["Environment"]["Variables"]


def test_two_stacks_of_an_account_give_nothing_the_same_name(resources):
    """A name in the template contains the stack's name; without a name, CloudFormation makes a
    unique one."""
    for name, resource in resources.items():
        for key in properties(resource).keys() & PHYSICAL_NAMES:
            if resource["Type"] == "AWS::Lambda::Permission":
                continue  # it names another resource, not itself
            assert "${AWS::StackName}" in properties(resource)[key]["Fn::Sub"], name
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            assert "LayerName" in properties(resource), name  # by default, the logical id
    # A dashboard is the account's, in whatever region its stack is.
    assert "${AWS::Region}" in properties(resources["Dashboard"])["DashboardName"]["Fn::Sub"]


def test_the_code_reads_only_variables_that_the_template_sets(functions, template):
    for_all = set(template["Globals"]["Function"]["Environment"]["Variables"])
    of_lambda = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME"}
    shared = (PROJECT / "darkroom" / "runtime" / "settings.py").read_text()
    assert set(re.findall(r'required\("(\w+)"\)', shared)) <= for_all | of_lambda
    for function in functions.values():
        module = properties(function)["Handler"].partition(".")[0]
        folder = PROJECT / properties(function)["CodeUri"]
        code = (folder / f"{module}.py").read_text()
        if "from chalicelib.services import" in code:
            code += (folder / "chalicelib" / "services.py").read_text()
        own = set(properties(function).get("Environment", {}).get("Variables", {}))
        assert set(re.findall(r'(?:required\(|environ\[)"(\w+)"', code)) - of_lambda == own


def test_every_function_has_a_build_target_that_names_its_handler(functions):
    for name, function in functions.items():
        makefile = (PROJECT / properties(function)["CodeUri"] / "Makefile").read_text()
        assert f"build-{name}: HANDLER := {properties(function)['Handler']}\n" in makefile


def test_samconfig_has_the_three_stages_and_sets_parameters_that_exist(template):
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    assert {"default", "staging", "prod"} <= set(config)
    for stage in ("default", "staging", "prod"):
        overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"].split()
        assert {pair.partition("=")[0] for pair in overrides} <= set(template["Parameters"])


def test_the_dashboard_is_in_the_console_of_its_partition(template):
    domains = {
        name: console["Domain"] for name, console in template["Mappings"]["Consoles"].items()
    }
    for partition, domain in domains.items():
        arn = f"arn:{partition}:states:r:1:stateMachine:m"
        assert machine_url(arn).startswith(f"https://r.{domain}/")
    _, values = template["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]
    assert values["Domain"] == {"Fn::FindInMap": ["Consoles", {"Ref": "AWS::Partition"}, "Domain"]}
