"""What HTTP clients rely on, through the gateway: HEAD, compression, charsets, other origins."""

import gzip
import json
import zlib
from collections.abc import Callable

import httpx
import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, error_of
from tests.support.fakes.sources import Sources

NEEDS_A_KEY = ["/tasks", "/batches", "/callback-secret"]
PAGES = ["/", "/docs", "/openapi.json", "/page/x/main.js"]
OF_ONE_RESPONSE = ("date", "x-amz")
"""How headers begin that differ from one response to the next."""


@pytest.fixture(scope="module")
def batch(standard: Stack, sources: Sources) -> str:
    """The path of a batch that has ended, below the API's address."""
    batches = Batches(standard)
    ended = batches.ended(batches.submit([sources.url("/colour.png")] * 2))
    return f"/batches/{ended['batchId']}"


def kept(answer: httpx.Response) -> dict[str, str]:
    """The headers that must be equal in two responses."""
    return {
        name: value
        for name, value in answer.headers.items()
        if not name.startswith(OF_ONE_RESPONSE)
    }


@pytest.mark.parametrize(
    "path", [*NEEDS_A_KEY, *PAGES, "/health", "{batch}", "{batch}/tasks", "/tasks/unknown"]
)
def test_head_answers_as_get_without_a_body(standard: Stack, batch: str, path: str):
    url = standard.description["apiUrl"] + path.format(batch=batch)
    plainly = {"Accept-Encoding": "identity", "x-api-key": standard.description["apiKey"]}
    with httpx.Client(headers=plainly) as client:
        get, head = client.get(url), client.head(url)
        again = client.get(url)  # on the same connection: no byte of a body is left in it

    assert (head.status_code, kept(head), head.content) == (get.status_code, kept(get), b"")
    assert get.content
    assert again.status_code == get.status_code


@pytest.mark.parametrize(
    ("accepted", "read"),
    [
        ("gzip", gzip.decompress),
        ("gzip, deflate, br, zstd", gzip.decompress),
        ("deflate;q=1.0, gzip;q=0.5", zlib.decompress),
    ],
)
def test_a_long_response_is_compressed_for_clients_that_accept_it(
    standard: Stack, accepted: str, read: Callable[[bytes], bytes]
):
    url = standard.description["apiUrl"] + "/openapi.json"
    with httpx.stream("GET", url, headers={"Accept-Encoding": accepted}) as answer:
        sent = b"".join(answer.iter_raw())

    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Encoding"] == ("deflate" if read is zlib.decompress else "gzip")
    assert json.loads(read(sent))["openapi"] == "3.1.0"
    assert len(sent) * 5 < len(read(sent))


@pytest.mark.parametrize("accepted", ["", "*", "identity", "br", "br, gzip;q=0.5", "gzip;q=0"])
def test_a_response_is_not_compressed_for_other_clients(standard: Stack, accepted: str):
    url = standard.description["apiUrl"] + "/openapi.json"
    answer = httpx.get(url, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert answer.json()["openapi"] == "3.1.0"


def test_a_short_response_is_not_compressed(standard: Stack):
    url = standard.description["apiUrl"] + "/health"
    assert "Content-Encoding" not in httpx.get(url, headers={"Accept-Encoding": "gzip"}).headers


def test_a_list_of_tasks_is_compressed_and_found_unchanged(standard: Stack, batch: str):
    answer = standard.http.get(f"{batch}/tasks", headers={"Accept-Encoding": "gzip"})
    version = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "identity"}

    assert answer.headers["Content-Encoding"] == "gzip"
    assert standard.http.get(f"{batch}/tasks", headers=version).status_code == 304


@pytest.mark.parametrize(
    ("coding", "compress", "status"),
    [
        ("gzip", gzip.compress, 201),
        ("deflate", zlib.compress, 201),
        ("identity", bytes, 201),
        ("br", bytes, 400),
        ("gzip", bytes, 400),
        ("gzip", lambda body: gzip.compress(body)[:-9], 400),
        ("gzip", lambda body: gzip.compress(body + b" " * 2**23), 413),
    ],
    ids=["gzip", "deflate", "none", "another", "not gzip", "cut short", "large"],
)
def test_a_compressed_request_is_understood_and_another_coding_refused(
    standard: Stack, coding: str, compress: Callable[[bytes], bytes], status: int
):
    sent = compress(b'{"contentType": "image/png"}')
    answer = standard.http.post("/uploads", content=sent, headers={"Content-Encoding": coding})
    assert answer.status_code == status, answer.text
    if status == 400:
        assert "Content-Encoding" in error_of(answer, 400)["message"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/tasks", {}, 403),
        ("GET", "/nothing", {}, 404),
        ("PUT", "/docs", {}, 405),
        ("GET", "/health", {"Content-Type": "image/png"}, 400),
        ("GET", "/health", {}, 200),
    ],
)
def test_no_cache_may_store_what_needs_no_function(
    standard: Stack, method: str, path: str, headers: dict[str, str], status: int
):
    answer = httpx.request(method, standard.description["apiUrl"] + path, headers=headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")


def test_a_body_in_another_charset_is_refused(standard: Stack):
    body = json.dumps({"imageUrl": "https://example.com/a.jpg", "name": "Zoë"}, ensure_ascii=False)
    latin = {"Content-Type": "application/json; charset=iso-8859-1"}
    answer = standard.http.post("/tasks", content=body.encode("latin-1"), headers=latin)
    assert error_of(answer, 415)["code"] == "UnsupportedCharset"

    named = {"Content-Type": "application/json; charset=utf-8"}
    answer = standard.http.post("/tasks", content=body.encode(), headers=named)
    assert (answer.status_code, answer.json()["name"]) == (202, "Zoë")
    standard.http.post(f"/tasks/{answer.json()['taskId']}/cancel")


def test_a_preflight_request_is_refused_and_no_response_allows_another_origin(standard: Stack):
    """Without `Origin`, because the guard of the local cloud would refuse the request."""
    preflight = httpx.options(standard.description["apiUrl"] + "/tasks")
    assert error_of(preflight, 403)["code"] == "Forbidden"
    for response in (preflight, standard.http.get("/tasks"), standard.http.options("/tasks")):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_batches_are_listed_and_their_tasks_name_them(standard: Stack, batch: str):
    batch_id = batch.rpartition("/")[2]
    listed = standard.http.get("/batches", params={"status": "COMPLETED"}).json()["batches"]
    tasks = standard.http.get(f"{batch}/tasks").json()["tasks"]

    assert batch_id in {one["batchId"] for one in listed}
    assert {task["batchId"] for task in tasks} == {batch_id}
    assert standard.task(tasks[0]["taskId"])["batchId"] == batch_id


def test_another_caller_sees_no_batch(standard: Stack, batch: str, another_key: str):
    url = standard.description["apiUrl"]
    theirs = httpx.get(f"{url}/batches", headers={"x-api-key": another_key})
    assert batch.rpartition("/")[2] not in theirs.text
