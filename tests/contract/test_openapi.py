"""What `GET /openapi.json` tells is what the routes are."""

import json
import re
from typing import Any

import pytest
from test_routes import PROJECT, WITHOUT_A_KEY

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT / "api")
        from chalicelib.openapi import document  # noqa: PLC0415

        return json.loads(document())


@pytest.fixture(scope="module")
def models() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT / "api")
        from chalicelib import answers, batch_models, models  # noqa: PLC0415

        return vars(models) | vars(batch_models) | vars(answers)


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (path, method.upper()): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_every_route_is_described_and_nothing_else(operations):
    code = (PROJECT / "api" / "app.py").read_text()
    routes = re.findall(r'@app\.route\("([^"]+)", methods=\["(\w+)"\]', code)
    assert set(operations) == set(routes)


def test_the_paths_that_need_no_key_say_so(operations):
    free = {path for (path, _), operation in operations.items() if operation.get("security") == []}
    assert free == WITHOUT_A_KEY


def test_every_operation_tells_of_the_errors_that_any_request_can_meet(operations):
    for place, operation in operations.items():
        assert {"400", "405", "429", "503", "5XX"} <= set(operation["responses"]), place
        assert ("403" in operation["responses"]) == (operation.get("security") != []), place


def test_every_reference_leads_somewhere(document):
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_every_example_is_what_its_model_takes(document, models):
    contents = re.findall(r'"\$ref": "#/components/schemas/\w+"}, "example"', json.dumps(document))
    checked = list(_contents(document))
    assert len(checked) == len(contents) > 10
    for content in checked:
        model = models[content["schema"]["$ref"].rpartition("/")[2]]
        model.model_validate_json(json.dumps(content["example"]))


@pytest.mark.parametrize(
    ("path", "model"), [("/tasks", "ListQuery"), ("/batches/{batchId}/tasks", "BatchTasksQuery")]
)
def test_the_query_of_a_list_is_that_of_its_model(operations, models, path, model):
    described = operations[path, "GET"]["parameters"]
    query = {p["name"] for p in described if p["in"] == "query"}
    assert query == set(models[model].model_fields)
    assert "null" not in json.dumps(described)


def test_every_error_that_the_documentation_lists_is_described(document):
    listed = re.findall(r"^\| (\d{3})", (PROJECT / "docs" / "api.md").read_text(), re.MULTILINE)
    described = {
        status
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for status in operation["responses"]
    }
    assert listed
    assert {status for status in listed if status != "500"} <= described


def _contents(node: Any) -> Any:
    if isinstance(node, dict):
        if "example" in node and "$ref" in node.get("schema", {}):
            yield node
        for value in node.values():
            yield from _contents(value)
    elif isinstance(node, list):
        for value in node:
            yield from _contents(value)
