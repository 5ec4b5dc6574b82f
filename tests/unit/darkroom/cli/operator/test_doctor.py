"""The findings of `darkroom doctor` that a local cloud cannot show: over HTTP, and in AWS."""

import datetime
import email.utils
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from pytest_httpserver import HTTPServer

from darkroom.cli.operator import doctor, drift
from darkroom.cli.operator.deployment import Deployment, Finding
from darkroom.cli.stack import Stack
from tests.support.fakes.api import darkroom

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


def levels(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.subject: finding.level for finding in findings}


def an_api(server: HTTPServer, *, health: int = 200, tasks: int = 200) -> Deployment:
    """An API with this response."""
    server.expect_request("/v1/health").respond_with_data("{}", health)
    server.expect_request("/v1/tasks", headers={"x-api-key": "k"}).respond_with_data("{}", tasks)
    return Deployment(Stack(server.url_for("/v1"), "k", endpoint_url="http://127.0.0.1:1"))


def test_a_healthy_api(httpserver: HTTPServer) -> None:
    found = list(doctor.api(an_api(httpserver)))

    assert levels(found) == {"API": "ok", "key": "ok", "clock": "ok"}
    assert not any(finding.advice for finding in found)


@pytest.mark.parametrize(
    ("answers", "about", "level"),
    [
        ({"health": 502}, "API", "fail"),
        ({"tasks": 403}, "key", "fail"),
        ({"tasks": 503}, "key", "fail"),
        ({"tasks": 429}, "key", "warn"),
    ],
)
def test_an_api_that_is_not(
    httpserver: HTTPServer, answers: dict[str, int], about: str, level: str
) -> None:
    found = list(doctor.api(an_api(httpserver, **answers)))

    assert {a: found for a, found in levels(found).items() if found != "ok"} == {about: level}
    (advice,) = (finding.advice for finding in found if finding.subject == about)
    assert advice.endswith(".")


@pytest.mark.parametrize(
    ("off", "level"), [(0, "ok"), (40, "warn"), (-40, "warn"), (400, "fail"), (-400, "fail")]
)
def test_a_clock_that_differs_from_that_of_the_api_is_reported(off: int, level: str) -> None:
    there = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=off)

    found = doctor._clock(email.utils.format_datetime(there, usegmt=True))

    assert found.level == level
    assert bool(found.advice) == (level != "ok")


def test_a_local_cloud_that_does_not_answer_has_one_finding() -> None:
    nowhere = "http://127.0.0.1:1"
    stack = Stack(nowhere, "k", endpoint_url=nowhere, stack_name="darkroom-local")

    (found,) = doctor.examine(Deployment(stack))

    assert (found.level, found.advice) == ("fail", "Run `make up`.")


def test_a_stack_without_a_name_is_only_checked_over_http(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_api(httpserver)
    monkeypatch.setenv("DARKROOM_API_URL", httpserver.url_for("/v1"))
    monkeypatch.setenv("DARKROOM_API_KEY", "k")

    done = darkroom("doctor")

    assert done.exit_code == 0
    assert "warn  cloud          only the API was checked\n" in done.stdout


class OneClient(Stack):
    """A stack whose clouds are stubbed clients."""

    stubs: dict[str, Any]

    def client(self, service: str) -> Any:
        return self.stubs[service]


def a_deployment(*services: str) -> tuple[Deployment, dict[str, Stubber]]:
    """A stack in AWS with prepared responses of its services."""
    real = Stack("http://127.0.0.1:1", "k", endpoint_url="http://127.0.0.1:1")
    stack = OneClient("http://127.0.0.1:1", "k", stack_name="prod")
    clients = {service: real.client(service) for service in services}
    object.__setattr__(stack, "stubs", clients)
    return Deployment(stack), {name: Stubber(client) for name, client in clients.items()}


def test_webhooks_that_were_refused_are_counted_before_they_are_dead_letters() -> None:
    deployment, stubs = a_deployment("sqs", "cloudwatch")
    names = ("TaskQueueUrl", "DeadLetterQueueUrl", "CallbackDeadLetterQueueUrl", "CallbackQueueUrl")
    object.__setattr__(deployment.stack, "outputs", {name: f"https://q/{name}" for name in names})
    stubs["cloudwatch"].add_response("get_metric_statistics", {"Datapoints": []})
    for url, kind, number in zip(names, ("", "", "", "Delayed"), "0007", strict=True):
        name = f"ApproximateNumberOfMessages{kind}"
        asked = {"QueueUrl": f"https://q/{url}", "AttributeNames": [name]}
        stubs["sqs"].add_response("get_queue_attributes", {"Attributes": {name: number}}, asked)

    with stubs["sqs"], stubs["cloudwatch"]:
        (*_, dead, waiting) = doctor.queues(deployment)

    assert (dead.level, dead.message) == ("ok", "none is a dead letter")
    assert (waiting.level, waiting.message) == ("warn", "7 wait until they are tried again")
    assert "status TASK" in waiting.advice


@pytest.mark.parametrize(
    ("runs", "age", "level"), [([5.0], 999, "ok"), ([], 2, "ok"), ([], 999, "fail")]
)
def test_reconcile_that_does_not_run_is_a_fault_but_not_in_a_new_stack(
    runs: list[float], age: int, level: str
) -> None:
    deployment, stubs = a_deployment("cloudwatch", "cloudformation")
    points = [{"SampleCount": count, "Timestamp": NOW} for count in runs]
    stubs["cloudwatch"].add_response("get_metric_statistics", {"Datapoints": points})
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=age)
    stack = {"StackName": "prod", "CreationTime": made, "StackStatus": "CREATE_COMPLETE"}
    stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [stack]})

    with stubs["cloudwatch"], stubs["cloudformation"]:
        (found,) = doctor.reconcile(deployment)

    assert found.level == level


def functions_of(
    *layers: str, code: dict[str, dict[str, str]] | None = None, **more: Any
) -> list[Finding]:
    """The findings about functions in AWS, each with one version of the rules."""
    deployment, stubs = a_deployment("cloudformation", "lambda")
    object.__setattr__(deployment.stack, "code", code or {})
    resource = {
        "ResourceType": "AWS::Lambda::Function",
        "LastUpdatedTimestamp": NOW,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    resources = [
        resource | {"LogicalResourceId": f"F{n}", "PhysicalResourceId": f"prod-F{n}"}
        for n, _ in enumerate(layers)
    ]
    stubs["cloudformation"].add_response(
        "list_stack_resources", {"StackResourceSummaries": resources}
    )
    for version in layers:
        arns = [f"arn:aws:lambda:eu-west-1:1:layer:{name}" for name in (version, "SdkLayer:1")]
        stubs["lambda"].add_response(
            "get_function_configuration",
            {
                "FunctionArn": "arn:aws:lambda:eu-west-1:1:function:f",
                "Layers": [{"Arn": arn} for arn in arns],
                "State": "Active",
                **more,
            },
        )
    with stubs["cloudformation"], stubs["lambda"]:
        return list(drift.functions(deployment))


def test_functions_with_the_same_rules_are_of_one_deployment() -> None:
    (found,) = functions_of("dev-DarkroomLayer:7", "dev-DarkroomLayer:7")

    assert (found.level, found.message) == (
        "ok",
        "all 2 functions use the same layer, dev-DarkroomLayer:7",
    )


def test_functions_with_rules_of_two_versions_are_a_broken_deployment() -> None:
    (found,) = functions_of("dev-DarkroomLayer:7", "dev-DarkroomLayer:8")

    assert found.level == "fail"
    assert "dev-DarkroomLayer:7, dev-DarkroomLayer:8" in found.message


@pytest.mark.parametrize(
    ("digest", "here", "expected"),
    [
        ("same", b"now", ("ok", "all 1 functions are from this checkout")),
        ("other", b"now", ("warn", "F0: not from this checkout")),
        ("same", b"then", ("warn", "api/app.py: changed since `make up`")),
        ("same", None, ("warn", "api/app.py: changed since `make up`")),
    ],
)
def test_a_local_cloud_with_other_code_than_this_checkout_is_reported(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    digest: str,
    here: bytes | None,
    expected: tuple[str, str],
) -> None:
    monkeypatch.setattr(drift, "PROJECT", tmp_path)
    (tmp_path / "api").mkdir()
    if here:
        (tmp_path / "api" / "app.py").write_bytes(here)
    code = {
        "functions": {"F0": digest},
        "files": {"api/app.py": hashlib.sha256(b"now").hexdigest()},
    }

    (finding,) = functions_of("dev-DarkroomLayer:7", code=code, CodeSha256="same")

    assert (finding.level, finding.message) == expected


def test_a_function_that_is_not_ready_is_reported_with_its_reason() -> None:
    found = functions_of(
        "dev-DarkroomLayer:7", LastUpdateStatus="Failed", LastUpdateStatusReason="The role is gone."
    )

    assert found[0].level == "fail"
    assert found[0].message == "F0 is not ready: The role is gone."


def test_a_missing_permission_is_reported_and_the_other_checks_continue(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Deployment) -> Iterable[Finding]:
        client = a_deployment("sqs")[0].stack.client("sqs")
        with Stubber(client) as stub:
            stub.add_client_error("get_queue_attributes", "AccessDenied", "no")
            client.get_queue_attributes(QueueUrl="q")
        yield Finding("ok", "queue", "never told")

    refused.__name__ = "queues"
    monkeypatch.setattr(doctor, "queues", refused)
    others = "alarms reconcile deletions tables permissions functions state_machine"
    for name in others.split():
        monkeypatch.setattr(doctor, name, lambda _: [Finding("ok", "other", "is well")])
    stack = Stack(httpserver.url_for("/v1"), "k", endpoint_url="here", stack_name="prod")
    an_api(httpserver)

    found = levels(doctor.examine(Deployment(stack)))

    assert (found["queues"], found["other"]) == ("warn", "ok")


@pytest.mark.parametrize(
    ("there", "same"),
    [
        ({"a": ["arn:1", 2], "b": "x"}, True),
        ({"a": ["arn:1", 3], "b": "x"}, False),
        ({"a": [7, 2], "b": "x"}, False),
        ({"a": ["arn:1", 2]}, False),
        ({"a": ["arn:1"], "b": "x"}, False),
    ],
)
def test_a_definition_is_the_same_except_for_its_substitutions(there: Any, same: bool) -> None:
    here = json.loads('{"a": ["${FunctionArn}", 2], "b": "x"}')

    assert drift._same(here, there) is same
