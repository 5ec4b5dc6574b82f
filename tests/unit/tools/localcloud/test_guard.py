"""Which requests are served on the local cloud's port, header by header."""

import pytest

from tools.localcloud.guard import Request, origins_of, refusal

PORT = 4599
HERE = f"127.0.0.1:{PORT}"
ORIGINS = origins_of(PORT)
STAGE = "/_aws/execute-api/0123456789/v1"
SCOPE = "AKIAEXAMPLE%2F20261125%2Fus-east-1%2Fs3%2Faws4_request"
LINK = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SCOPE}&X-Amz-Signature=00"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261125/…, Signature=00"}
FORM = {"content-type": "multipart/form-data; boundary=x"}

PAGE = ("GET", f"{STAGE}/", "", {})
OBJECT = ("GET", "/bucket/results/1.png", LINK, {})
ROUTE = ("POST", f"{STAGE}/tasks", "", {"x-api-key": "k"})
UPLOAD = ("POST", "/bucket", "", FORM)
READY = ("GET", "/_ministack/ready", "", {})
AWS = ("POST", "/", "", SIGNED)
KINDS = {
    "page": PAGE,
    "object": OBJECT,
    "route": ROUTE,
    "upload": UPLOAD,
    "ready": READY,
    "AWS": AWS,
}
# Which senders are served for each kind of request: a program, the page itself, an address that was
# typed or opened by another program, a page of another port, a page of another site.
SENDERS = (None, "same-origin", "none", "same-site", "cross-site")
SERVED = {
    "page": {None, "same-origin", "none"},
    "object": set(SENDERS),
    "route": {None, "same-origin"},
    "upload": {None, "same-origin"},
    "ready": {None},
    "AWS": {None},
}


def judge(
    method: str, path: str, query: str = "", headers: dict[str, str] | None = None, **more: str
) -> str | None:
    """The decision about a request; `more` are headers, with _ for -."""
    given = {"host": HERE} | (headers or {}) | {k.replace("_", "-"): v for k, v in more.items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return refusal(Request(method, path, query, raw), ORIGINS)


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_request_is_served_only_to_its_allowed_senders(kind: str, sender: str | None) -> None:
    reported = judge(*KINDS[kind], **({"sec_fetch_site": sender} if sender else {}))

    assert (reported is None) == (sender in SERVED[kind]), reported


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://127.0.0.1:4599",
        "http://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.example:4599",
        "null",
        "",
    ],
)
def test_no_page_of_another_origin_is_served_anything(kind: str, origin: str) -> None:
    assert judge(*KINDS[kind], origin=origin)
    assert judge(*KINDS[kind], origin=origin, sec_fetch_site="same-origin")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "[::2]",
        "[::1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "127.1",
        "2130706433",
        "",
    ],
)
def test_no_request_to_another_host_is_served(kind: str, host: str) -> None:
    assert judge(*KINDS[kind], host=host)
    assert judge(*KINDS[kind], host=f"{host}:{PORT}")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_every_name_of_this_machine_is_served(name: str) -> None:
    assert judge(*AWS, host=name) is judge(*AWS, host=f"{name}:{PORT}") is None


@pytest.mark.parametrize("kind", ["page", "route", "upload"])
def test_the_page_is_known_by_its_origin_under_another_name_of_this_machine(kind: str) -> None:
    origin = f"http://localhost:{PORT}"

    assert judge(*KINDS[kind], origin=origin, sec_fetch_site="cross-site") is None
    assert judge(*AWS, origin=origin, sec_fetch_site="cross-site")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("host", [HERE, "evil.example"]),
        ("origin", [f"http://{HERE}", "http://evil.example"]),
        ("sec-fetch-site", ["same-origin", "cross-site"]),
        ("authorization", [SIGNED["authorization"], "Basic eA=="]),
    ],
)
def test_both_values_of_a_repeated_header_are_checked(name: str, values: list[str]) -> None:
    method, path, query, headers = AWS if name == "authorization" else ROUTE
    kept = {"host": HERE} | headers
    kept.pop(name, None)
    raw = [(key.encode(), value.encode()) for key, value in kept.items()]
    raw += [(name.encode(), value.encode()) for value in values]

    assert refusal(Request(method, path, query, raw), ORIGINS)
    assert refusal(Request(method, path, query, raw[::-1]), ORIGINS)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", "Action=CreateStack"),
        ("/", LINK.replace("s3", "cloudformation") + "&Action=CreateStack"),
        ("/", LINK + "&Action=CreateStack"),
        ("/2015-03-31/functions", LINK.replace("s3", "lambda")),
        ("/bucket", LINK),
        ("/bucket/key", ""),
        ("/bucket/key", "AWSAccessKeyId=AKIAEXAMPLE&Expires=1&Signature=x"),
        ("/bucket/key", LINK.replace("s3", "sqs")),
        ("/bucket/key", LINK.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        ("/bucket/key", f"{LINK}&X-Amz-Credential=AKIA%2F1%2Fx%2Fsqs%2Faws4_request"),
        ("/bucket/key", LINK.partition("&X-Amz-Signature")[0]),
        ("/restapis/0123456789/v1/_user_request_/tasks", ""),
    ],
)
def test_no_address_alone_reaches_an_api_of_aws(method: str, path: str, query: str) -> None:
    assert judge(method, path, query)
    assert judge(method, path, query, {"authorization": "Bearer x"})


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_a_link_that_changes_something_is_refused(method: str) -> None:
    assert judge(method, "/bucket/key", LINK)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", FORM),
        ("POST", "/bucket/key", FORM),
        ("PUT", "/bucket", FORM),
        ("POST", "/bucket", {}),
        ("POST", "/bucket", {"content-type": "application/x-www-form-urlencoded"}),
        ("POST", "/bucket", {"content-type": "text/plain"}),
        ("POST", "/bucket", FORM | {"x-amz-target": "DynamoDB_20120810.PutItem"}),
    ],
)
def test_only_a_form_with_a_file_may_do_without_a_signature_in_a_header(
    method: str, path: str, headers: dict[str, str]
) -> None:
    assert judge(method, path, "", headers)


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_ministack/lambda-code/f",
        "/_ministack/ready/",
        "/_localstack/health",
        "/_aws/lambda-url/x/",
        "/_aws/sqs/messages",
        "/_aws/execute-api",
        "/_darkroom/other",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_of_the_emulators_own_is_served(method: str, path: str) -> None:
    assert judge(method, path)
    assert judge(method, path, "", SIGNED)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [READY[1], "/_darkroom/saved", "/_darkroom/save"])
def test_requests_to_the_emulator_itself_only_read(method: str, path: str) -> None:
    assert judge(method, path, "", SIGNED)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/docs", "/openapi.json", "/page/0123abcd/main.js", "/page/x/list/card.css"],
)
def test_the_page_and_the_docs_open_from_a_bookmark(path: str) -> None:
    headers = {"sec-fetch-mode": "navigate", "sec-fetch-site": "none"}

    assert judge("GET", STAGE + path, "", headers) is None
    assert judge("HEAD", STAGE + path, "", headers) is None
    assert judge("POST", STAGE + path, "", headers)


@pytest.mark.parametrize(
    "path", ["/tasks", "/tasks/1/cancel", "/page/x/y/z/w", "/docs/x", "/callback-secret"]
)
def test_no_route_of_the_api_opens_from_a_link(path: str) -> None:
    for method in ("GET", "POST"):
        assert judge(method, STAGE + path, sec_fetch_site="none", sec_fetch_mode="navigate")
        assert judge(method, STAGE + path) is None  # a program, whose key the API checks
