"""A browser with the page of a real local cloud. Each test has its own key."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, PHONE, Caller, ended
from tests.support.project import PROJECT

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. Developers may skip these tests; CI must not."""
    found = shutil.which("chromium")
    if found is None:
        reason = "there is no Chromium: apt-get install --no-install-recommends chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # The scope is a module and not the session: while a browser is open, no other test can run an
    # event loop.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def caller(standard: Stack) -> Iterator[Caller]:
    key = standard.new_key("browser")
    headers = {"x-api-key": key}
    address = standard.description["apiUrl"]
    with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
        yield Caller(key, http)


@pytest.fixture
def faults() -> list[str]:
    """The errors in the browser's console."""
    return []


@pytest.fixture
def visit(browser: Browser, standard: Stack, faults: list[str]) -> Iterator[Callable[..., Page]]:
    """Open the page in a new window; fail at the end if the console has an error."""
    contexts = []

    def visit(width: int = DESK, scheme: str = "light", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            has_touch=width == PHONE,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(standard.description["apiUrl"] + "/")
        expect(page.get_by_label("API key")).to_be_visible()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def enter(visit: Callable[..., Page], caller: Caller) -> Callable[..., Page]:
    """Open the page and give it the caller's key."""

    def enter(*arguments: Any, **options: Any) -> Page:
        page = visit(*arguments, **options)
        page.get_by_label("API key").fill(caller.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
        return page

    return enter


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Two files of a user."""
    docs = PROJECT / "docs"
    shutil.copy(docs / "card.png", tmp_path / "test card.png")
    (tmp_path / "gradient.jpg").write_bytes(JPEG)
    return [tmp_path / "test card.png", tmp_path / "gradient.jpg"]


@pytest.fixture
def submit(caller: Caller, sources: Sources) -> Callable[..., str]:
    """Submit a path of the sources, wait until its task has ended, and return its id."""

    def submit(path: str, *, ends: bool = True, **more: Any) -> str:
        body = {"imageUrl": sources.url(path), **more}
        answer = caller.http.post("/tasks", json=body)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["taskId"]
        if ends:
            until(lambda: ended(caller, task_id), 60, "the task ends")
        return task_id

    return submit
