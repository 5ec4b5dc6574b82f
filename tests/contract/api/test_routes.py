"""The routes of the template and of the API are the same, and all errors have the same form."""

import json
import re
from typing import Any

import pytest

from tests.support.project import PROJECT

INTEGRATION = "x-amazon-apigateway-integration"
REFUSALS = "x-amazon-apigateway-gateway-responses"
SECONDS_OF_A_PAGE = 0.05
"""Five times what one takes in a function that has started."""
CONCURRENCY = 1000
"""Of an account, by default:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
RETRY_AFTER = {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE", "DEFAULT_5XX"}


@pytest.fixture(scope="module")
def refusals(resources: dict[str, Any]) -> dict[str, Any]:
    return resources["Api"]["Properties"]["GatewayResponses"]


ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
TYPES = {
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
}
FREE = {
    "/",
    "/docs",
    "/openapi.json",
    "/page/{version}/{file}",
    "/page/{version}/{file}/{name}",
    "/health",
}


@pytest.fixture(scope="module")
def methods(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The settings of API Gateway for each path and method."""
    paths = document["Resources"]["Api"]["Properties"]["Body"]["paths"]
    return {
        (path, name.upper()): reported for path, m in paths.items() for name, reported in m.items()
    }


def function_of(method: dict[str, Any]) -> str:
    """The logical id of the alias that answers."""
    uri: str = method[INTEGRATION]["uri"]["Fn::Sub"]
    found = re.fullmatch(
        r"arn:\$\{AWS::Partition\}:apigateway:\$\{AWS::Region\}:lambda:path/2015-03-31/functions/"
        r"\$\{(\w+)\}/invocations",
        uri,
    )
    assert found, uri
    return found[1]


def test_template_and_code_have_the_same_paths(methods):
    code = (PROJECT / "api" / "app.py").read_text()
    paths = {path for path, method in methods if method == ANY} - FREE
    assert paths == set(re.findall(r'@route\("([^"]+)"', code))


def test_a_wrong_method_is_answered_405_by_the_api_or_without_a_function(methods):
    examples = json.loads((PROJECT / "docs" / "openapi.json").read_text())["components"]["examples"]
    described = examples["MethodNotAllowed"]["value"]
    assert {name for path, name in methods if path not in FREE} == {ANY}
    assert {name for path, name in methods if path in FREE} == {ANY, "GET", "HEAD"}
    for (path, name), reported in methods.items():
        if name == ANY and path in FREE:
            (answer,) = reported[INTEGRATION]["responses"].values()
            assert answer["statusCode"] == "405"
            assert json.loads(answer["responseTemplates"]["application/json"]) == described
        elif name == ANY:
            assert function_of(reported) == "ApiFunctionAliaslive"


def test_api_gateway_may_invoke_each_function_that_has_a_route(document, methods):
    routed = {
        function_of(reported)
        for reported in methods.values()
        if reported[INTEGRATION]["type"] == "aws_proxy"
    }
    permitted = [
        permission["Properties"]
        for permission in document["Resources"].values()
        if permission["Type"] == "AWS::Lambda::Permission"
        and permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    assert {each["FunctionName"]["Ref"] for each in permitted} == routed
    for each in permitted:
        assert "${AWS::AccountId}:${Api}/" in each["SourceArn"]["Fn::Sub"]


def test_every_method_needs_a_key_but_the_pages_and_health(methods):
    needed = {
        method for method, reported in methods.items() if reported["security"] == [{"api_key": []}]
    }
    assert {
        method: reported["security"] for method, reported in methods.items() if method not in needed
    } == {(path, method): [] for path in FREE for method in ("GET", "HEAD", ANY)}
    assert len(needed) > 10


def test_what_needs_no_key_leaves_most_of_the_accounts_functions_to_callers(document, methods):
    (stage,) = (r for r in document["Resources"].values() if r["Type"] == "AWS::ApiGateway::Stage")
    limits = {
        (each["ResourcePath"].replace("/~1", "/", 1).replace("~1", "/"), each["HttpMethod"]): each
        for each in stage["Properties"]["MethodSettings"]
    }
    assert limits.keys() == {(path, method) for path in FREE for method in ("GET", "HEAD")}
    functions = [limits[m] for m in limits if methods[m][INTEGRATION]["type"] == "aws_proxy"]
    rate = sum(each["ThrottlingRateLimit"] for each in functions)
    burst = sum(each["ThrottlingBurstLimit"] for each in functions)
    assert rate * SECONDS_OF_A_PAGE < CONCURRENCY / 100
    assert burst < CONCURRENCY / 2  # all at the same time, with functions that have to start


def test_no_function_says_that_the_api_is_well(methods):
    for method in ("GET", "HEAD"):
        assert methods["/health", method][INTEGRATION]["type"] == "mock"
    (answer,) = methods["/health", "GET"][INTEGRATION]["responses"].values()
    assert json.loads(answer["responseTemplates"]["application/json"]) == {"status": "ok"}


def test_routes_without_a_function_answer_requests_of_any_type(methods):
    """A type without a template is answered with 415, one that is passed through with 500."""
    for method in methods.values():
        integration = method[INTEGRATION]
        if integration["type"] == "mock":
            (answer,) = integration["responses"].values()
            status = {"statusCode": int(answer["statusCode"])}
            assert integration["passthroughBehavior"] == "never"
            templates = integration["requestTemplates"]
            assert set(templates) == TYPES
            assert all(json.loads(template) == status for template in templates.values())


def test_what_api_gateway_refuses_by_itself_has_the_form_of_our_errors(refusals):
    for name, refusal in refusals.items():
        body = refusal["ResponseTemplates"]["application/json"]
        error = json.loads(body.replace("$context.error.messageString", '"any"'))["error"]
        assert set(error) == {"code", "message"}, name


def test_a_throttled_client_gets_a_retry_after(refusals):
    reported = {
        name
        for name, refusal in refusals.items()
        if "Retry-After" in refusal.get("ResponseParameters", {}).get("Headers", {})
    }
    assert reported == RETRY_AFTER


def test_no_cache_may_store_what_api_gateway_answers_itself(document, methods):
    """A type that the template names does not take the headers of DEFAULT_4XX or DEFAULT_5XX."""
    refusals = document["Resources"]["Api"]["Properties"]["Body"][REFUSALS]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(refusals)
    for name, refusal in refusals.items():
        sent = refusal["responseParameters"]["gatewayresponse.header.Cache-Control"]
        assert sent == "'no-store'", name
    mocks = [told for told in methods.values() if told[INTEGRATION]["type"] == "mock"]
    for told in mocks:
        (answer,) = told[INTEGRATION]["responses"].values()
        sent = answer["responseParameters"]["method.response.header.Cache-Control"]
        assert sent == "'no-store'"
        assert "Cache-Control" in told["responses"][answer["statusCode"]]["headers"]


def test_a_page_of_another_origin_may_use_signed_urls_of_the_bucket_only(resources, methods):
    """What docs/api.md says about other origins."""
    [rule] = resources["Files"]["Properties"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == (["*"], ["GET", "POST"])
    assert "Access-Control" not in json.dumps(list(methods.values()))
    assert "Access-Control" not in (PROJECT / "api" / "app.py").read_text()
    assert not {path for path, method in methods if method == "OPTIONS"}
