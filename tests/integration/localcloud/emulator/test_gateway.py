"""API Gateway answers its own errors as the template says, and passes the caller to the
function."""

import json
import uuid

import httpx
import pytest

from tests.support.cloud.minimal import eventually, function

APP = """
def handler(event, context):
    if event["path"] == "/broken":
        raise ValueError("a secret of the function")
    return {"statusCode": 200, "body": __import__("json").dumps(event)}
"""

RESPONSES = {
    "INVALID_API_KEY": {
        "StatusCode": 403,
        "ResponseTemplates": {"application/json": '{"code": "Forbidden"}'},
    },
    "MISSING_AUTHENTICATION_TOKEN": {
        "StatusCode": 404,
        "ResponseTemplates": {"application/json": '{"message": $context.error.messageString}'},
    },
    "INTEGRATION_FAILURE": {
        "StatusCode": 429,
        "ResponseParameters": {"Headers": {"Retry-After": "'1'"}},
        "ResponseTemplates": {"application/json": '{"code": "TooManyRequests"}'},
    },
    "DEFAULT_5XX": {
        "ResponseTemplates": {"application/json": '{"code": "$context.error.responseType"}'},
    },
}


def _template(function_arn, responses):
    uri = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    )
    operation = {
        "x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}
    }
    paths = {path: {"get": operation} for path in ("/tasks", "/broken")}
    api = {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "StageName": "v1",
            "Auth": {"ApiKeyRequired": True},
            "DefinitionBody": {"openapi": "3.0.1", "info": {"title": "small"}, "paths": paths},
            "GatewayResponses": responses,
        },
    }
    key = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}}
    plan = {
        "Type": "AWS::ApiGateway::UsagePlan",
        "DependsOn": "Apiv1Stage",
        "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": "v1"}]},
    }
    plan_key = {
        "Type": "AWS::ApiGateway::UsagePlanKey",
        "Properties": {
            "KeyId": {"Ref": "Key"},
            "KeyType": "API_KEY",
            "UsagePlanId": {"Ref": "Plan"},
        },
    }
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Api": api, "Key": key, "Plan": plan, "PlanKey": plan_key},
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Key": {"Value": {"Ref": "Key"}}},
    }


class Api:
    """One deployed API, its key, and GET requests to it."""

    def __init__(self, cloud, responses):
        self.cloud = cloud
        self.function = function(cloud, APP)
        stack = {"StackName": f"s-{uuid.uuid4().hex[:12]}"}
        formation = cloud.client("cloudformation")
        formation.create_change_set(
            **stack,
            ChangeSetName="new",
            ChangeSetType="CREATE",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            TemplateBody=json.dumps(_template(self.function, responses)),
        )
        formation.get_waiter("change_set_create_complete").wait(
            **stack, ChangeSetName="new", WaiterConfig={"Delay": 1}
        )
        formation.execute_change_set(**stack, ChangeSetName="new")

        def complete():
            found = formation.describe_stacks(**stack)["Stacks"][0]
            assert "FAILED" not in found["StackStatus"], found
            assert "ROLLBACK" not in found["StackStatus"], found
            return found if found["StackStatus"] == "CREATE_COMPLETE" else None

        outputs = {o["OutputKey"]: o["OutputValue"] for o in eventually(complete)["Outputs"]}
        self.url = f"{cloud.endpoint_url}/_aws/execute-api/{outputs['Api']}/v1"
        self.key_id = outputs["Key"]
        key = cloud.client("apigateway").get_api_key(apiKey=self.key_id, includeValue=True)
        self.key = key["value"]

    def get(self, path, **headers):
        """Return (status, headers, the JSON body)."""
        answer = httpx.get(self.url + path, headers=headers)
        return answer.status_code, answer.headers, answer.json()


@pytest.fixture(scope="module")
def api(cloud):
    return Api(cloud, RESPONSES)


@pytest.fixture(scope="module")
def plain_api(cloud):
    return Api(cloud, {})


def test_a_request_without_a_key_is_answered_as_the_template_says(api):
    status, _, body = api.get("/tasks")

    assert (status, body) == (403, {"code": "Forbidden"})


def test_an_unknown_path_is_answered_as_the_template_says(api):
    status, _, body = api.get("/nowhere", **{"x-api-key": api.key})

    assert (status, body) == (404, {"message": "Missing Authentication Token"})


def test_a_function_knows_the_key_that_was_used(api):
    status, _, event = api.get("/tasks", **{"x-api-key": api.key})

    assert status == 200
    assert event["requestContext"]["identity"]["apiKeyId"] == api.key_id
    assert event["requestContext"]["identity"]["apiKey"] == api.key
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_a_function_knows_the_whole_path_of_its_request(api):
    _, _, event = api.get("/tasks", **{"x-api-key": api.key})

    assert event["path"] == event["requestContext"]["resourcePath"] == "/tasks"
    whole = event["requestContext"]["path"]
    assert whole.startswith("/_aws/execute-api/")
    assert whole.endswith("/v1/tasks")
    assert event["requestContext"]["stage"] == "v1"


def test_a_key_that_was_disabled_is_refused_until_it_is_enabled_again(cloud, api):
    def status_when(enabled):
        operation = {"op": "replace", "path": "/enabled", "value": enabled}
        cloud.client("apigateway").update_api_key(apiKey=api.key_id, patchOperations=[operation])
        return api.get("/tasks", **{"x-api-key": api.key})[0]

    assert (status_when("false"), status_when("true")) == (403, 200)


def test_a_failing_function_is_a_502_without_details(api, plain_api):
    status, _, body = api.get("/broken", **{"x-api-key": api.key})
    assert (status, body) == (502, {"code": "DEFAULT_5XX"})

    status, _, body = plain_api.get("/broken", **{"x-api-key": plain_api.key})
    assert (status, body) == (502, {"message": "Internal server error"})


def test_a_throttled_function_is_an_integration_failure(cloud, api, plain_api):
    for one in (api, plain_api):
        cloud.client("lambda").put_function_concurrency(
            FunctionName=one.function, ReservedConcurrentExecutions=0
        )

    status, headers, body = api.get("/tasks", **{"x-api-key": api.key})
    assert (status, headers["Retry-After"], body) == (429, "1", {"code": "TooManyRequests"})

    status, _, body = plain_api.get("/tasks", **{"x-api-key": plain_api.key})
    assert (status, body) == (500, {"message": "Internal server error"})

    for one in (api, plain_api):
        cloud.client("lambda").delete_function_concurrency(FunctionName=one.function)
