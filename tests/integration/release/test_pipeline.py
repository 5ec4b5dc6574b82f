"""The pipeline, with the real SAM CLI: from an empty local cloud through all stages, and a
rollback."""

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import tools.release.local
from tests.support.cloud.releases import live_functions
from tests.support.ports import free_port
from tools.localcloud.cloud import PROJECT, LocalCloud
from tools.release.accounts import LocalAccount
from tools.release.release import SAM, NotAccepted, ReleaseFailed, release, verify
from tools.release.stages import stages

pytestmark = pytest.mark.timeout(1200)
STAGES = stages()
CARD = PROJECT / "docs" / "card.png"
FIRST, SECOND = "a1b2c3d4e5", "f6a7b8c9d0"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tools.release.local.build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def empty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("pipeline"), free_port())
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """The progress messages of the first release."""
    return []


@pytest.fixture(scope="module")
def accounts(empty_cloud: LocalCloud, build: Path, messages: list[str]) -> dict[str, LocalAccount]:
    """An account for each stage, each with the first release."""
    made = {}
    for name, stage in STAGES.items():
        made[name] = tools.release.local.account(empty_cloud, stage)
        release(made[name], stage, build, FIRST, messages.append)
    return made


def broken(build: Path) -> Path:
    """A build of a release that passes every check but cannot publish a result."""
    # In the same folder as the original, because it names the state machine's file by a relative
    # path.
    folder = build.with_name("broken")
    shutil.copytree(build, folder)
    function = folder / "UploadFunction"
    shutil.rmtree(function / "__pycache__", ignore_errors=True)
    code = (function / "upload.py").read_text()
    (function / "upload.py").write_text(code.replace("bucket.publish(", "bucket.publicise("))
    return folder


def live(cloud: LocalCloud, stage: str) -> Counter[str]:
    """The release of a stage's live functions: the last word of their description."""
    functions = live_functions(cloud, STAGES[stage].stack_name)
    return Counter(function["Description"].split()[-1] for function in functions)


class Client(threading.Thread):
    """A client that uses a stage all the time: it converts pictures, and records the responses."""

    def __init__(self, account: LocalAccount, stage: str) -> None:
        super().__init__(daemon=True)
        self._stack = account.stack(STAGES[stage].stack_name)
        self._enough = threading.Event()
        self.answers: Counter[int] = Counter()
        self.ends: Counter[str] = Counter()
        self.start()

    def run(self) -> None:
        headers = {"x-api-key": self._stack.api_key}
        with self._stack.darkroom() as client:
            while not self._enough.is_set():
                answer = httpx.get(f"{self._stack.api_url}/tasks", headers=headers, timeout=30)
                self.answers[answer.status_code] += 1
                task = client.submit({"uploadId": client.upload(CARD)})
                self.ends[client.wait([task["taskId"]], 60)[task["taskId"]]["status"]] += 1

    def stop(self) -> None:
        self._enough.set()
        self.join(timeout=360)


def test_a_build_goes_through_all_stages(
    accounts: dict[str, LocalAccount], empty_cloud: LocalCloud, messages: list[str]
):
    assert messages == [
        f"{stage.stack_name}: {what}"
        for stage in STAGES.values()
        for what in (f"deploy {FIRST}", f"test {FIRST}", f"{FIRST} is live")
    ]
    for name, account in accounts.items():
        assert set(live(empty_cloud, name)) == {FIRST}
        # The test of the stage has removed everything that it created.
        outputs = account.stack(STAGES[name].stack_name).outputs
        found = empty_cloud.client("dynamodb").scan(TableName=outputs["TableName"])
        assert found["Items"] == []
        listed = empty_cloud.client("s3").list_objects_v2(Bucket=outputs["BucketName"])
        assert "Contents" not in listed


def test_a_release_whose_test_fails_is_rolled_back_while_the_old_one_serves(
    accounts: dict[str, LocalAccount], empty_cloud: LocalCloud, build: Path
):
    said: list[str] = []
    prod = Client(accounts["prod"], "prod")
    try:
        with pytest.raises(ReleaseFailed, match=f"darkroom-dev runs {FIRST} again"):
            release(accounts["dev"], STAGES["dev"], broken(build), SECOND, said.append)
    finally:
        prod.stop()

    assert [sentence for sentence in said if f"Roll back to {FIRST}" in sentence]
    assert set(live(empty_cloud, "dev")) == {FIRST}
    verify(accounts["dev"], STAGES["dev"], FIRST)
    # It only reached dev.
    assert set(live(empty_cloud, "staging")) == set(live(empty_cloud, "prod")) == {FIRST}
    assert set(prod.answers) == {200}
    assert set(prod.ends) == {"COMPLETED"}


def test_the_test_of_a_stage_finds_a_release_that_is_not_live(accounts: dict[str, LocalAccount]):
    with pytest.raises(NotAccepted, match=rf"is live in {SECOND}; seen: .* {FIRST}"):
        verify(accounts["prod"], STAGES["prod"], SECOND)


def test_sam_delete_leaves_what_belongs_to_callers_and_nothing_else(
    accounts: dict[str, LocalAccount], empty_cloud: LocalCloud
):
    stack = "darkroom-staging"
    resources = resources_of(empty_cloud, stack)
    assert len(resources) > 50

    subprocess.run(
        [SAM, "delete", f"--stack-name={stack}", "--no-prompts", "--region=us-east-1"],
        cwd=PROJECT,
        env={**accounts["staging"].environment(), "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        check=True,
    )

    left = {kind for kind, name in resources if is_there(empty_cloud, kind, name)}
    assert left == {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"}


def resources_of(cloud: LocalCloud, stack: str) -> set[tuple[str, str]]:
    """The resources of a stack that can be looked up: their types and names."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    return {
        (resource["ResourceType"], resource["PhysicalResourceId"])
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
    }


def is_there(cloud: LocalCloud, kind: str, name: str) -> bool:
    """Whether a resource exists. What is a part of another one goes with that."""
    every: dict[str, Any] = {
        "AWS::ApiGateway::ApiKey": ("apigateway", "get_api_keys", "items", "id"),
        "AWS::ApiGateway::RestApi": ("apigateway", "get_rest_apis", "items", "id"),
        "AWS::ApiGateway::UsagePlan": ("apigateway", "get_usage_plans", "items", "id"),
        "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "AWS::DynamoDB::Table": ("dynamodb", "list_tables", "TableNames", None),
        "AWS::Events::Rule": ("events", "list_rules", "Rules", "Name"),
        "AWS::IAM::ManagedPolicy": ("iam", "list_policies", "Policies", "Arn"),
        "AWS::IAM::Role": ("iam", "list_roles", "Roles", "RoleName"),
        "AWS::KMS::Key": ("kms", "list_keys", "Keys", "KeyId"),
        "AWS::Lambda::EventSourceMapping": (
            "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID",
        ),
        "AWS::Lambda::Function": ("lambda", "list_functions", "Functions", "FunctionName"),
        "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "AWS::S3::Bucket": ("s3", "list_buckets", "Buckets", "Name"),
        "AWS::SQS::Queue": ("sqs", "list_queues", "QueueUrls", None),
        "AWS::StepFunctions::StateMachine": (
            "stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn",
        ),
    }  # fmt: skip
    if kind not in every:
        return False
    service, operation, key, field = every[kind]
    found = getattr(cloud.client(service), operation)().get(key, [])
    return name in {entry[field] if field else entry for entry in found}
