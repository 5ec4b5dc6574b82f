"""The acceptance test waits for what the template says, and its role may do what it calls."""

from typing import Any

from tests.support.template.policies import ACTIONS, allows, listed, policy, statements
from tools.accept import batches, operations, rights

RECEIVER = {"CreateFunction", "CreateFunctionUrlConfig", "AddPermission", "DeleteFunction"}
"""The calls about the function that receives a webhook of the acceptance test."""


def test_the_states_of_a_completed_task_are_those_of_the_machine(machine: dict[str, Any]):
    states, name = [], machine["StartAt"]
    while name:
        states.append(name)
        name = machine["States"][name].get("Next")
    assert states == operations.STATES


def test_download_is_retried_as_often_as_the_machine_says(machine: dict[str, Any]):
    (retrier,) = (
        retrier
        for retrier in machine["States"]["Download"]["Retry"]
        if "SourceUnavailable" in retrier["ErrorEquals"]
    )
    assert retrier["MaxAttempts"] + 1 == operations.DOWNLOAD_TRIES


def test_a_repair_stays_below_the_threshold_of_its_alarm(resources: dict[str, Any]):
    alarm = resources["RepairsAlarm"]["Properties"]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["Threshold"] == batches.REPAIRS_OF_ALARM
    assert alarm["Period"] == batches.PERIOD.total_seconds()
    assert batches.REPAIRS < batches.REPAIRS_OF_ALARM


def test_the_failures_stay_below_the_threshold_of_their_alarm(resources: dict[str, Any]):
    """tests/unit/tools/accept/test_tasks.py shows that at most half of ten tasks fail."""
    alarm = resources["FailureRateAlarm"]["Properties"]
    (rate,) = (query for query in alarm["Metrics"] if query["Id"] == "rate")
    assert ">= 10" in rate["Expression"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (50, "GreaterThanThreshold")


def test_the_pipelines_role_may_do_exactly_what_the_acceptance_test_calls(account, stage):
    properties = account.resources["PipelineRole"]["Properties"]
    policy = {p["PolicyName"]: p["PolicyDocument"] for p in properties["Policies"]}

    def given(name: str) -> set[str]:
        return {action for s in statements(policy[name]) for action in listed(s["Action"])}

    wanted = {
        ACTIONS.get(call, call.replace("stepfunctions:", "states:"))
        for call in (rights.CALLS | rights.IMPLIED)
        if stage != "prod" or call not in rights.NOT_IN_PROD
    }
    # A release itself describes the stack and its resources.
    assert wanted - given("Deploy") == given("Test") - {"s3:ListBucket", "iam:PassRole"}
    assert {"s3:ListBucket", "iam:PassRole"} <= given("Test") & wanted


def test_the_pipelines_role_may_do_it_to_the_stacks_own_resources(account, stack, stage):
    """One ARN of the stack for each permission, and one of another stack that is refused."""
    role = policy(account, "PipelineRole")
    page = {"iam:PassedToService": "lambda.amazonaws.com"}
    tagged = {"aws:ResourceTag/stage": stage}
    machines = f"arn:aws:states:{stack.region}:{stack.account}:execution"
    receiver = (
        f"arn:aws:lambda:{stack.region}:{stack.account}:function:{stack.stack_name}-accept-0f"
    )
    for name, arn, context in (
        ("states:GetExecutionHistory", f"{machines}:{stack.name('TaskStateMachine')}:t-1", {}),
        ("logs:FilterLogEvents", stack.arn("StateMachineLogs"), {}),
        ("lambda:GetFunctionConfiguration", receiver, {}),
        *((f"lambda:{call}", receiver, {}) for call in sorted(RECEIVER)),
        ("iam:PassRole", stack.arn("PageRole"), page),
        ("dynamodb:DeleteItem", stack.arn("Batches"), {}),
    ):
        assert allows(role, name, arn, context), f"{name} on {arn}"
        if stack.stack_name in arn:
            foreign = arn.replace(stack.stack_name, "darkroom-other")
            assert not allows(role, name, foreign, context), f"{name} on {foreign}"
    for call in RECEIVER:
        assert not allows(role, f"lambda:{call}", stack.arn("ApiFunction"))
    batch = f"{machines}:{stack.name('BatchStateMachine')}:b-1"
    assert allows(role, "states:StopExecution", batch, tagged) is (stage != "prod")
    other = {"aws:ResourceTag/stage": "other"}
    assert not allows(role, "states:StopExecution", batch, other)
