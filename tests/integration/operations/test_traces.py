"""The trace of a request continues through the queue to the execution and its steps."""

from tests.support.cloud.minimal import machine
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources

ROOT = "Root=1-67891233-abcdef012345678912345678"
TRACE = f"{ROOT};Parent=463ac35c9f6413ad;Sampled=1"


def trace_of(stack: Stack, arn: str) -> str:
    header: str = stack.states.describe_execution(executionArn=arn)["traceHeader"]
    return header


def test_the_trace_of_a_submission_is_that_of_its_execution(standard: Stack, sources: Sources):
    """With the header, because in Lambda the SDK sends the trace of dispatch unless another one is
    given."""
    body = {"imageUrl": sources.url("/colour.png")}
    answer = standard.http.post("/tasks", json=body, headers={"X-Amzn-Trace-Id": TRACE})
    task = standard.ended(answer.json()["taskId"])

    assert ROOT in trace_of(standard, task["execution"]["arn"])


def test_the_trace_of_a_batch_is_that_of_its_execution(standard: Stack, sources: Sources):
    body = {"sources": [{"imageUrl": sources.url("/colour.png")}]}
    answer = standard.http.post("/batches", json=body, headers={"X-Amzn-Trace-Id": TRACE})

    assert ROOT in trace_of(standard, answer.json()["execution"]["arn"])


def test_without_a_header_each_submission_begins_a_trace_of_its_own(
    standard: Stack, sources: Sources
):
    arns = [
        standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])["execution"]["arn"]
        for _ in range(2)
    ]
    roots = [trace_of(standard, arn).partition(";")[0] for arn in arns]
    assert roots[0] != roots[1]


def test_an_execution_has_the_header_before_the_parameter(cloud):
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    states = cloud.client("stepfunctions")
    arn = machine(cloud, {"Only": {"Type": "Succeed"}})
    by_parameter = states.start_execution(stateMachineArn=arn, traceHeader="Root=1-parameter")
    states.meta.events.register(
        "before-call.sfn.StartExecution",
        lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": "Root=1-header"}),
    )
    by_header = states.start_execution(stateMachineArn=arn, traceHeader="Root=1-parameter")

    found = [
        states.describe_execution(executionArn=each["executionArn"])["traceHeader"]
        for each in (by_parameter, by_header)
    ]
    assert found == ["Root=1-parameter", "Root=1-header"]
