"""The function that serves the page: what it answers, and with which headers."""

import json
from typing import Any

import pytest

from tests.support.project import PROJECT

DOCS = PROJECT / "docs"


@pytest.fixture
def serve(load):
    return load("web", "serve")


def ask(
    serve: Any, method: str = "GET", path: str = "/v1/", resource: str = "/", **more: Any
) -> dict[str, Any]:
    event = {"httpMethod": method, "resource": resource, "requestContext": {"path": path}}
    return serve.handler({**event, "headers": None, **more}, None)


def file(serve: Any, name: str, version: str | None = None) -> dict[str, Any]:
    parts = dict(zip(("file", "name"), name.split("/", 1), strict=False))
    return ask(serve, pathParameters={**parts, "version": version or serve.version})


def test_the_page_loads_its_files_by_their_version(serve):
    answer = ask(serve)
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert f'src="/v1/page/{serve.version}/main.js"' in answer["body"]
    assert "{version}" not in answer["body"]


def test_the_description_is_a_page_beside_it(serve):
    answer = ask(serve, path="/v1/docs", resource="/docs")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert f'src="/v1/page/{serve.version}/docs/docs.js"' in answer["body"]
    assert "{version}" not in answer["body"]


def test_the_description_for_programs_is_the_json_file_in_docs(serve):
    answer = ask(serve, path="/v1/openapi.json", resource="/openapi.json")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["body"] == (DOCS / "openapi.json").read_text("utf-8")
    known = {"If-None-Match": answer["headers"]["ETag"]}
    again = ask(serve, path="/v1/openapi.json", resource="/openapi.json", headers=known)
    assert (again["statusCode"], again["body"]) == (304, "")


def test_a_page_that_is_known_is_not_sent_again(serve):
    known = ask(serve)["headers"]["ETag"]
    again = ask(serve, headers={"If-None-Match": known})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert ask(serve, headers={"if-none-match": '"older"'})["statusCode"] == 200


@pytest.mark.parametrize("root", ["/v1", "/images/v2", "", "/_aws/execute-api/abcd1234/v1"])
def test_with_and_without_a_slash_the_page_is_the_same(serve, root):
    with_slash, without = ask(serve, path=f"{root}/"), ask(serve, path=root)
    assert with_slash["statusCode"] == without["statusCode"] == 200
    assert with_slash["body"] == without["body"]
    assert f'src="{root}/page/{serve.version}/main.js"' in without["body"]
    docs = ask(serve, path=f"{root}/docs", resource="/docs")
    assert f'src="{root}/page/{serve.version}/docs/docs.js"' in docs["body"]
    assert "{root}" not in with_slash["body"] + docs["body"]


def test_no_path_becomes_markup(serve):
    answer = ask(serve, path='/"><script>alert(1)</script>/')
    assert "<script>alert" not in answer["body"]


def test_a_cache_keeps_compressed_and_other_responses_apart(serve):
    """API Gateway compresses them, and leaves the headers as they are."""
    assert file(serve, "main.js")["headers"]["Vary"] == "Accept-Encoding"
    assert ask(serve)["headers"]["ETag"].startswith("W/")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("frame.css", "text/css; charset=utf-8"),
        ("list/card.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("task.asl.json", "application/json"),
        ("errors.md", "text/markdown; charset=utf-8"),
    ],
)
def test_a_file_has_its_type_and_is_cached_forever(serve, name, kind):
    answer = file(serve, name)
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == kind
    assert "immutable" in answer["headers"]["Cache-Control"]


def test_a_page_of_the_previous_deployment_does_not_cache_new_files(serve):
    answer = file(serve, "main.js", "0123456789abcdef")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.js", "../serve.py", "", "site/main.js", "list", "list/", "list/main.js"]
)
def test_a_file_that_the_site_does_not_have_is_a_404(serve, name):
    answer = file(serve, name)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "NotFound"


def test_every_answer_forbids_scripts_of_others_and_inline(serve):
    docs = ask(serve, path="/v1/docs", resource="/docs")
    answers = [ask(serve), docs, ask(serve, "POST"), file(serve, "main.js"), file(serve, "nothing")]
    for answer in answers:
        headers = answer["headers"]
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"] == "'self' https://files.s3.eu-central-1.amazonaws.com"
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
