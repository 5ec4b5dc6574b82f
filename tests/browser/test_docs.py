"""The API documentation in a browser."""

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import FILES, Sources
from tests.support.page import DESK, PHONE, Caller, serious_faults
from tests.support.project import PROJECT

DOCS = PROJECT / "docs"
DOCUMENT = json.loads((DOCS / "openapi.json").read_text("utf-8"))
ROUTES = [
    f"{method.upper()} {path}"
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method != "parameters"
]


@pytest.fixture
def read(browser: Browser, standard: Stack) -> Iterator[Callable[..., Page]]:
    """Open the API documentation; fail at the end if anything else was requested."""
    address = standard.description["apiUrl"]
    faults: list[str] = []
    asked: list[str] = []
    contexts = []

    def read(width: int = DESK, scheme: str = "light", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        page.goto(f"{address}/docs")
        expect(page.get_by_role("heading", name="Errors", exact=True, level=2)).to_be_visible()
        return page

    yield read
    for context in contexts:
        context.close()
    assert faults == []
    others = {path for path in asked if not path.startswith("/page/")}
    assert others == {"/docs", "/openapi.json"}


# With this number of elements, axe needs half a minute, so each width has one scheme.
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_every_route_is_there_and_axe_finds_no_serious_fault(
    read: Callable[..., Page], width: int, scheme: str
):
    page = read(width, scheme)
    for route in ROUTES:
        expect(page.get_by_role("heading", name=route, exact=True)).to_be_visible()
    assert serious_faults(page) == []
    for answer in page.locator("details.answer").all():
        answer.evaluate("details => { details.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_faults(page) == []


def test_the_contents_link_to_each_route(read: Callable[..., Page]):
    page = read(PHONE)
    contents = page.locator("#contents summary")
    contents.focus()
    contents.press("Enter")
    links = page.get_by_role("navigation", name="Contents").get_by_role("link")
    assert set(ROUTES) < {" ".join(text.split()) for text in links.all_inner_texts()}
    page.get_by_role("link", name="POST /uploads").press("Enter")
    expect(page.get_by_role("heading", name="POST /uploads")).to_be_in_viewport()


def test_every_field_error_and_header_of_the_document_is_on_the_page(read: Callable[..., Page]):
    text = read().locator("main").text_content()
    assert text is not None
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, reported in schema.get("properties", {}).items():
            assert field in text, f"{name}.{field}"
            assert reported["description"].replace("`", "") in text, f"{name}.{field}"
    for reported in DOCUMENT["components"]["examples"].values():
        error = reported["value"]["error"]
        assert error["code"] in text
        assert error["message"] in text, error["code"]
    for header in (
        "Location",
        "Retry-After",
        "Allow",
        "ETag",
        "Idempotency-Key",
        "Idempotent-Replayed",
    ):
        assert header in text


def test_a_choice_between_fields_is_also_described_for_the_items_of_a_list(
    read: Callable[..., Page],
):
    body = read().get_by_role("region", name="POST /batches", exact=True)
    expect(body.get_by_text("Give exactly one of sources, s3Prefix and manifest.")).to_be_visible()
    sources = body.get_by_role("row").filter(has=body.page.get_by_text("sources", exact=True))
    expect(sources).to_contain_text("Give exactly one of imageUrl and uploadId.")


def test_what_is_copied_runs(
    read: Callable[..., Page], standard: Stack, caller: Caller, sources: Sources
):
    sources.files["/card.png"] = FILES["/colour.png"]
    page = read()
    section = page.get_by_role("region", name="POST /tasks", exact=True)
    section.get_by_role("button", name="Copy An image at a URL").click()
    expect(section.get_by_role("button", name="Copied An image at a URL")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    assert f'"{standard.description["apiUrl"]}/tasks"' in command

    done = subprocess.run(
        ["bash", "-c", command.replace("https://example.com", sources.url(""))],
        env=os.environ | {"apiKey": caller.key},
        capture_output=True,
        text=True,
        check=True,
    )

    task = json.loads(done.stdout)
    assert task["name"] == "card"
    assert caller.http.get(f"/tasks/{task['taskId']}").status_code == 200


def test_where_a_browser_lets_nothing_be_copied_the_text_is_selected(read: Callable[..., Page]):
    page = read()
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
    )
    page.get_by_role("button", name="Copy Address").click()
    expect(page.get_by_role("status")).to_contain_text("selected")
    assert page.evaluate("getSelection().toString()").startswith("http://")


def test_both_pages_link_to_each_other(read: Callable[..., Page], standard: Stack):
    page = read()
    home = page.get_by_role("link", name="Page")
    assert home.evaluate("link => link.href") == standard.description["apiUrl"] + "/"
    there = httpx.get(standard.description["apiUrl"] + "/")
    assert f'<a href="{urlsplit(standard.description["apiUrl"]).path}/docs">' in there.text
    document = page.get_by_role("link", name="openapi.json", exact=True).evaluate(
        "link => link.href"
    )
    assert httpx.get(document).json() == DOCUMENT


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="`make screenshots` takes them")
def test_a_screenshot_is_taken(read: Callable[..., Page]):
    page = read(device_scale_factor=1.5)
    page.evaluate("document.getElementById('submitTask').scrollIntoView()")
    expect(page.locator("#places a[aria-current]")).to_have_text("POST /tasks")
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.save(DOCS / "page-docs-light.webp", "WEBP", quality=88, method=6)
