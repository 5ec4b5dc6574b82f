"""`GET /openapi.json` describes the routes as they are, and completely."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.project import PROJECT
from tools.build.describe import OPENAPI_FILE, openapi_text

METHODS = {"get", "post", "put", "patch", "delete"}
WITHOUT_THE_API = {("/openapi.json", "GET"), ("/health", "GET")}
"""What the page and API Gateway answer."""


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(OPENAPI_FILE.read_text("utf-8"))


@pytest.fixture(scope="module")
def models() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT / "api")
        from chalicelib import (  # noqa: PLC0415
            batch_models,
            batch_responses,
            error_catalog,
            models,
            responses,
            webhook,
        )
        from chalicelib.history import responses as history  # noqa: PLC0415

        found = (
            models, batch_models, responses, batch_responses, history, webhook, error_catalog,
        )  # fmt: skip
        return {name: shape for module in found for name, shape in vars(module).items()}


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (path, method.upper()): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_file_is_what_the_models_say():
    assert OPENAPI_FILE.read_text("utf-8") == openapi_text(), "`make describe` writes it anew"


def test_it_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_its_server_is_its_own_address_with_the_stage(document):
    [server] = document["servers"]
    for base in ("https://a.example/v1", "http://127.0.0.1:1/_aws/execute-api/x/v1"):
        assert urljoin(f"{base}/openapi.json", server["url"]).rstrip("/") == base


def test_every_route_is_described_and_nothing_else(operations):
    code = (PROJECT / "api" / "app.py").read_text()
    routes = re.findall(r'@route\("([^"]+)", "(\w+)"\)', code)
    assert set(operations) == set(routes) | WITHOUT_THE_API


def test_the_paths_that_need_no_key_say_so(operations):
    free = {path for (path, _), operation in operations.items() if operation.get("security") == []}
    assert free == {path for path, _ in WITHOUT_THE_API}


def test_every_operation_describes_the_errors_of_all_requests(operations):
    for place, operation in operations.items():
        assert {"400", "405", "429", "503", "5XX"} <= set(operation["responses"]), place
        assert ("403" in operation["responses"]) == (operation.get("security") != []), place


def test_every_operation_has_a_unique_name_and_a_description(operations):
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    for place, operation in operations.items():
        assert operation["summary"], place
        assert operation["description"], place


def test_every_operation_has_one_tag_that_is_explained(document, operations):
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    assert {len(operation["tags"]) for operation in operations.values()} == {1}
    assert {operation["tags"][0] for operation in operations.values()} == tags.keys()


def test_no_schema_has_what_generators_of_clients_leave_out(document):
    """A default of null, a list of anything, and a choice that is only between required fields."""
    schemas = [node for node in nodes(document["components"]["schemas"]) if "type" in node]
    assert all("items" in schema for schema in schemas if schema["type"] == "array")
    assert not list(found(document["components"]["schemas"], "default"))
    for choices in found(document["components"]["schemas"], "anyOf"):
        assert all("$ref" in choice or "type" in choice for choice in choices)
    assert not list(found(document["components"]["schemas"], "oneOf"))


def test_every_client_is_asked_to_pause_between_polls(document):
    patterns = {
        headers["Retry-After"]["schema"]["pattern"]
        for headers in found(document, "headers")
        if "Retry-After" in headers
    }
    assert patterns
    assert not [pattern for pattern in patterns if re.fullmatch(pattern, "0")]


def test_every_reference_leads_somewhere(document):
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        assert at(document, f"#/{reference}")


def test_every_field_parameter_and_header_is_described(document):
    for name, schema in document["components"]["schemas"].items():
        for field, reported in schema.get("properties", {}).items():
            assert reported.get("description"), f"{name}.{field}"
    for parameter in found(document["paths"], "parameters"):
        for one in parameter if isinstance(parameter, list) else []:  # links have others
            assert one["description"], one["name"]
    for headers in found(document["paths"], "headers"):
        for name, header in headers.items():
            assert header["description"], name
            assert "example" in header or "enum" in header["schema"], name


def test_every_request_and_answer_has_an_example_and_every_example_its_shape(document, models):
    contents = [one["application/json"] for one in found(document["paths"], "content")]
    assert len(contents) > 50
    for content in contents:
        schema = {**content["schema"], "components": document["components"]}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        examples = examples_of(content, document)
        assert examples
        for example in examples:
            validator.validate(example)
            if "$ref" in content["schema"]:
                model = models[content["schema"]["$ref"].rpartition("/")[2]]
                model.model_validate_json(json.dumps(example))


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/tasks", "ListQuery"),
        ("/tasks/{taskId}/history", "HistoryQuery"),
        ("/batches", "BatchListQuery"),
        ("/batches/{batchId}/tasks", "BatchTasksQuery"),
    ],
)
def test_the_query_of_a_list_is_that_of_its_model(operations, models, path, model):
    described = operations[path, "GET"]["parameters"]
    query = {p["name"] for p in described if p["in"] == "query"}
    assert query == set(models[model].model_fields)
    assert "null" not in json.dumps(described)


def test_every_error_that_anybody_raises_is_described_and_documented(operations, resources, models):
    code = "".join(path.read_text() for path in (PROJECT / "api").rglob("*.py"))
    raised = set(re.findall(r'Problem\((\d{3}), "(\w+)"', code))
    status_of = {name: status for status, names in models["ERRORS"].items() for name in names}
    for known in re.findall(r"Problem\.known\((.+)\)|^CHALICE = (.+)$", code, re.MULTILINE):
        for name in re.findall(r'"([\w-]+)"', "".join(known)):
            raised.add((status_of[name].replace("XX", "00"), name.partition("-")[0]))
    for refusal in resources["Api"]["Properties"]["GatewayResponses"].values():
        reported = re.search(r'"code": "(\w+)"', refusal["ResponseTemplates"]["application/json"])
        raised.add((str(refusal.get("StatusCode", "")), reported[1]))
    described = {
        (status, code)
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
        for code in response["content"]["application/json"]["examples"]
    }
    rows = re.findall(
        r"^\| ([\d, ]+) \| (`.+) \|$", (PROJECT / "docs" / "api.md").read_text(), re.MULTILINE
    )
    documented = {
        code: statuses.split(", ")
        for statuses, codes in rows
        for code in re.findall(r"`(\w+)`", codes)
        if code != "Allow"  # a header
    }

    assert {code for _, code in described} == {code for _, code in raised}
    # API Gateway's default refusals have a status for each reason, and 500 is one of 5XX.
    exact = {(status, code) for status, code in raised if status not in {"", "500"}}
    assert exact <= described
    assert documented.keys() == {code for _, code in described}
    for status, error in described:
        assert status.replace("5XX", "500") in documented[error], error


def at(document: Any, reference: str) -> Any:
    """The target of a reference."""
    place = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


def found(node: Any, key: str) -> Iterator[Any]:
    """Every value that has this key."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from found(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from found(value, key)


def nodes(node: Any) -> Iterator[Any]:
    """Every object of a document."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def examples_of(content: Any, document: Any) -> list[Any]:
    """The values of all examples of a content."""
    if "example" in content:
        return [content["example"]]
    named = content["examples"].values()
    return [(at(document, one["$ref"]) if "$ref" in one else one)["value"] for one in named]
