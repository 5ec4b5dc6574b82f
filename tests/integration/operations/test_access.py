"""Each function may make the calls that it needs, and is refused others. IAM is enforced here."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources

# For each function, one call that only another function makes, or that none should make.
REFUSED = {
    "Api": ("s3", "delete_object", {"Bucket": "{BucketName}", "Key": "imports/x"}),
    "Dispatch": (
        "dynamodb",
        "get_item",
        {"TableName": "{TableName}", "Key": {"taskId": {"S": "x"}}},
    ),
    "UpdateStatus": ("s3", "get_object", {"Bucket": "{BucketName}", "Key": "results/x"}),
    "Download": ("s3", "put_object", {"Bucket": "{BucketName}", "Key": "results/x", "Body": b""}),
    "Grayscale": ("s3", "put_object", {"Bucket": "{BucketName}", "Key": "results/x", "Body": b""}),
    "Upload": ("s3", "put_object", {"Bucket": "{BucketName}", "Key": "uploads/x", "Body": b""}),
    "Enter": (
        "dynamodb",
        "delete_item",
        {"TableName": "{TableName}", "Key": {"taskId": {"S": "x"}}},
    ),
    "Batch": ("stepfunctions", "start_execution", {"stateMachineArn": "{BatchStateMachineArn}"}),
    "Reconcile": ("stepfunctions", "start_execution", {"stateMachineArn": "{StateMachineArn}"}),
}
ALLOWED = {
    "Download": ("s3", "put_object", {"Bucket": "{BucketName}", "Key": "work/x", "Body": b""}),
    "Upload": ("s3", "put_object", {"Bucket": "{BucketName}", "Key": "results/x", "Body": b""}),
}


def call_as(stack: Stack, function: str, call: tuple[str, str, dict[str, Any]]) -> Any:
    """Make a call with the credentials of a function's role."""
    iam = stack.cloud.client("iam")
    roles = iam.get_paginator("list_roles").paginate().search("Roles[]")
    prefix = f"{stack.description['stackName']}-{function}Role-"
    [arn] = [role["Arn"] for role in roles if role["RoleName"].startswith(prefix)]
    given = stack.cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")
    service, operation, arguments = call
    client = boto3.client(
        service,
        endpoint_url=stack.cloud.endpoint_url,
        region_name=stack.cloud.region,
        aws_access_key_id=given["Credentials"]["AccessKeyId"],
        aws_secret_access_key=given["Credentials"]["SecretAccessKey"],
        aws_session_token=given["Credentials"]["SessionToken"],
    )
    filled = {
        name: value.format(**stack.outputs) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    return getattr(client, operation)(**filled)


@pytest.mark.parametrize("function", REFUSED)
def test_a_function_is_refused_calls_that_it_does_not_need(standard: Stack, function: str):
    with pytest.raises(ClientError) as refusal:
        call_as(standard, function, REFUSED[function])
    assert refusal.value.response["Error"]["Code"].startswith("AccessDenied")


@pytest.mark.parametrize("function", ALLOWED)
def test_the_calls_are_refused_and_not_the_credentials(standard: Stack, function: str):
    assert call_as(standard, function, ALLOWED[function])


def test_a_result_cannot_be_downloaded_without_its_signature(standard: Stack, sources: Sources):
    task = standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])
    unsigned = task["result"]["url"].partition("?")[0]
    assert standard.http.get(unsigned, headers={"x-api-key": ""}).status_code == 403
