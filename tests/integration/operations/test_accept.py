"""`make accept`: a good stack passes every check, and on a bad one the report names the failed
check."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import darkroom.cli.stack
import tools.localcloud.deploy
from darkroom.cli.stack import from_description
from tests.support.cloud.stacks import Stack
from tools.accept import rights, subject
from tools.accept.promises import accept
from tools.accept.report import NOT_CHECKED, Report
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)
NEVER_HERE = {"fails with other errors", "trace"}
"""What no stack of the local cloud is asked for."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The calls to AWS that are made, as `service:Operation`."""
    made: set[str] = set()
    original = darkroom.cli.stack.Stack.client

    def recording(stack: Any, service: str) -> Any:
        client = original(stack, service)
        client.meta.events.register(
            "before-call", lambda model, **_: made.add(f"{service}:{model.name}")
        )
        return client

    monkeypatch.setattr(darkroom.cli.stack.Stack, "client", recording)
    return made


@pytest.fixture(scope="module")
def broken(cloud: LocalCloud) -> Iterator[Stack]:
    """A stack for a test to break."""
    with Stack(cloud, deploy(cloud, "broken")) as stack:
        yield stack


def accepted(stack: Stack) -> Report:
    """The report on a stack. Not its repair, and no alarm: another test may have fired one."""
    return accept(from_description(stack.description), "prod", alarms_may_be_on=True)


def failed(report: Report) -> dict[str, str]:
    return {line.promise: line.detail for line in report.failed}


def left(stack: Stack) -> tuple[list[Any], list[Any], list[Any]]:
    tables = stack.cloud.client("dynamodb")
    objects = stack.cloud.client("s3").list_objects_v2(Bucket=stack.outputs["BucketName"])
    return (
        tables.scan(TableName=stack.outputs["TableName"])["Items"],
        tables.scan(TableName=stack.outputs["BatchTableName"])["Items"],
        objects.get("Contents", []),
    )


@pytest.mark.parametrize("workflow_type", ["STANDARD", "EXPRESS"])
def test_a_good_stack_passes_every_check_and_the_test_leaves_nothing(
    cloud: LocalCloud, calls: set[str], workflow_type: str
):
    name = f"accepted-{workflow_type.lower()}"
    description = deploy(cloud, name, {"WorkflowType": workflow_type})
    calls.clear()
    with Stack(cloud, description, workflow_type) as stack:
        report = accept(from_description(description))

        assert failed(report) == {}
        not_checked = {line.promise for line in report.lines if line.outcome == NOT_CHECKED}
        assert not_checked == NEVER_HERE
        assert left(stack) == ([], [], [])
    other = {"STANDARD": rights.EXPRESS_ONLY, "EXPRESS": rights.STANDARD_ONLY}[workflow_type]
    assert calls == rights.CALLS - rights.AWS_ONLY - other
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    assert not [a["AlarmName"] for a in alarms if a["StateValue"] == "ALARM"]


def test_a_missing_permission_fails_the_check_that_needs_it(broken: Stack):
    with broken.without_policy("Batch"):
        report = accepted(broken)

    assert failed(report).keys() == {"batch"}
    assert "AccessDenied" in failed(report)["batch"]
    assert left(broken) == ([], [], [])


def test_a_wrong_bucket_breaks_the_completion_of_tasks_and_its_step_is_named(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
):
    original: Callable[[str], Any] = tools.localcloud.deploy.yaml_parse

    def misled(text: str) -> Any:
        template = original(text)
        properties = template["Resources"]["UploadFunction"]["Properties"]
        properties["Environment"] = {"Variables": {"BUCKET_NAME": "nobodys-bucket"}}
        return template

    monkeypatch.setattr(tools.localcloud.deploy, "yaml_parse", misled)
    with Stack(cloud, deploy(cloud, "misled")) as stack:
        report = accepted(stack)

    broken = failed(report)
    assert "FAILED, Upload: AccessDenied: " in broken["a task is completed"]
    assert "s3:PutObject" in broken["a task is completed"]
    # Only what does not reach that step is kept.
    assert not {name for name in broken if name.startswith("fails with ")}
    assert not broken.keys() & {"API key", "presigned form", "signed webhook"}


def test_a_queue_without_a_consumer_fails_one_check_and_delays_no_other(
    broken: Stack, monkeypatch: pytest.MonkeyPatch
):
    functions = broken.cloud.client("lambda")
    (mapping,) = functions.list_event_source_mappings(
        FunctionName=broken.physical("DispatchFunction")
    )["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    monkeypatch.setattr(subject, "TASK_SECONDS", 3.0)
    try:
        report = accepted(broken)
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    assert failed(report).keys() == {"a task is completed"}
    assert "PENDING: nothing has started its execution" in failed(report)["a task is completed"]
    lines = {line.promise: line.detail for line in report.lines}
    assert lines["converts PNG"] == lines["batch"] == subject.STUCK
    assert left(broken) == ([], [], [])
