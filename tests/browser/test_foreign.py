"""Requests from other sites change nothing in the local cloud; its own page works."""

import html
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources

TEMPLATE = {"Resources": {"Mine": {"Type": "AWS::SNS::Topic"}}}
FORBIDDEN = "Forbidden: "


class Elsewhere(ThreadingHTTPServer):
    """Another site: `/to?URL` redirects there (`/to-307` keeps the method), `/page` is `body`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.body = ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}{path}"


class Answer(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.server.body.encode()
        self.send_response({"/to": 302, "/to-307": 307}.get(path, 200))
        if path.startswith("/to"):
            self.send_header("Location", urllib.parse.unquote(query))
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def order(stack: Stack) -> str:
    """A link that creates a stack, signed with the right key: the worst case, which no attacker
    has."""
    client = stack.cloud.client("cloudformation")
    arguments = {"StackName": "foreign", "TemplateBody": json.dumps(TEMPLATE)}
    return str(client.generate_presigned_url("create_stack", Params=arguments))


def targets(stack: Stack) -> dict[str, str]:
    """Addresses that would change something if the guard did not check who sends the request."""
    api = stack.description["apiUrl"]
    return {
        "stack": order(stack),
        "task": f"{api}/tasks",
        "reset": f"{stack.cloud.endpoint_url}/_ministack/reset",
        "secret": f"{api}/callback-secret",
        "queue": f"{stack.cloud.endpoint_url}/?Action=CreateQueue&QueueName=foreign",
    }


@pytest.fixture(autouse=True)
def unchanged(standard: Stack) -> Iterator[None]:
    """No test here may create a stack, a queue or a task in another way."""
    before = state(standard)
    yield
    assert state(standard) == before


def state(stack: Stack) -> list[list[str]]:
    stacks = stack.cloud.client("cloudformation").describe_stacks()["Stacks"]
    return [
        sorted(one["StackName"] for one in stacks),
        sorted(stack.cloud.client("sqs").list_queues()["QueueUrls"]),
        [task["taskId"] for task in stack.tasks() if task["name"] != "ours"],
    ]


# The names by which another site reaches the same server. To Chromium, `localhost` is another site
# than 127.0.0.1; 127.0.0.1 with another port is the same site, but another origin.
HOSTS = ("localhost", "127.0.0.1")


@pytest.mark.parametrize("host", HOSTS)
def test_no_page_of_another_origin_changes_anything(
    window: Page, standard: Stack, elsewhere: Elsewhere, host: str
):
    pieces = []
    for name, url in targets(standard).items():
        quoted = html.escape(url, quote=True)
        pieces += [
            f'<img src="{quoted}"><script src="{quoted}"></script><iframe src="{quoted}"></iframe>',
            f'<link rel="stylesheet" href="{quoted}"><object data="{quoted}"></object>',
            f'<form method="post" enctype="text/plain" target="{name}" action="{quoted}">',
            f'<input name="a" value="b"></form><iframe name="{name}"></iframe>',
        ]
    elsewhere.body = "".join(pieces)
    window.goto(elsewhere.url("/page", host))

    answers = window.evaluate(
        """async ([urls, key]) => {
          document.querySelectorAll("form").forEach((form) => form.submit());
          const asked = [];
          for (const url of urls) for (const method of ["GET", "POST"])
            for (const options of [{ mode: "no-cors" }, {}, { headers: { "x-api-key": key } }])
              asked.push(fetch(url, { method, ...options }).then((a) => a.type, () => "refused"));
          navigator.sendBeacon(urls[0]);
          return await Promise.all(asked);
        }""",
        [list(targets(standard).values()), standard.description["apiKey"]],
    )
    window.wait_for_load_state("networkidle")

    # The page may not read an opaque response. It is a 403, which a test below checks.
    assert set(answers) <= {"opaque", "refused"}
    texts = [frame.content() for frame in window.frames if frame != window.main_frame]
    assert all(
        FORBIDDEN in text or "<body></body>" in text or "chrome-error" in text for text in texts
    )


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("way", ["/to", "/to-307"])
def test_no_redirect_of_another_site_changes_anything(
    window: Page, standard: Stack, elsewhere: Elsewhere, host: str, way: str
):
    for url in targets(standard).values():
        answer = window.goto(elsewhere.url(f"{way}?{urllib.parse.quote(url)}", host))
        assert answer is not None
        assert answer.status == 403
        assert FORBIDDEN in window.content()


def test_no_link_that_another_program_opens_changes_anything(window: Page, standard: Stack):
    for url in targets(standard).values():
        answer = window.goto(url)
        assert answer is not None
        assert answer.request.header_value("sec-fetch-site") in {None, "none"}
        assert answer.status == 403
        assert FORBIDDEN in window.content()


def test_a_form_that_was_signed_takes_no_file_from_another_page(
    window: Page, standard: Stack, elsewhere: Elsewhere
):
    upload = standard.http.post("/uploads", json={"contentType": "image/png"}).json()
    inputs = "".join(
        f'<input name="{html.escape(name)}" value="{html.escape(value, quote=True)}">'
        for name, value in upload["fields"].items()
    )
    elsewhere.body = (
        f'<form method="post" enctype="multipart/form-data" action="{html.escape(upload["url"])}">'
        f'{inputs}<input name="file" value="x"><button>send</button></form>'
    )
    window.goto(elsewhere.url("/page", "localhost"))

    with window.expect_navigation() as sent:
        window.get_by_role("button").click()

    assert sent.value.status == 403
    s3 = standard.cloud.client("s3")
    found = s3.list_objects_v2(
        Bucket=standard.outputs["BucketName"], Prefix=f"uploads/{upload['uploadId']}"
    )
    assert "Contents" not in found


def test_page_docs_and_results_open_from_a_bookmark(
    window: Page, standard: Stack, sources: Sources
):
    task = standard.ended(standard.submit(sources.url("/colour.png"), name="ours")["taskId"])
    api = standard.description["apiUrl"]

    def opened(url: str) -> Any:
        answer = window.goto(url)
        assert answer is not None
        assert answer.status == 200, url
        return answer

    opened(f"{api}/")
    expect(window.get_by_label("API key")).to_be_visible()
    opened(f"{api}/docs")
    expect(window.get_by_role("heading", level=1)).to_be_visible()
    assert opened(f"{api}/openapi.json").json()["openapi"]
    assert opened(task["result"]["url"]).headers["content-type"] == "image/png"
    assert window.evaluate("document.images[0].naturalWidth") == 320
