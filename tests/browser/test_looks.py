"""How the page looks, checked by axe (https://github.com/dequelabs/axe-core) and for people."""

import io
import os
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources, encoded
from tests.support.page import LOOKS, PHONE, Caller, serious_faults
from tests.support.project import PROJECT

DOCS = PROJECT / "docs"
LARGEST = 300_000


@pytest.fixture
def scene(standard: Stack, caller: Caller, sources: Sources) -> Any:
    """One task of each kind that a person sees. One is held, for half a minute at most."""
    # That does not work while functions are still being started.
    standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])
    held = sources.held["/held/harbour.jpg"]
    held.clear()
    sources.files["/test-card.png"] = (DOCS / "card.png").read_bytes()
    with Image.open(DOCS / "card.png") as card:
        hills = card.crop((0, 100, 1280, 470))
    sources.files["/hills.jpg"] = encoded(hills, "JPEG", quality=92)
    for path in ("/held/harbour.jpg", "/hills.jpg", "/missing/lisbon.jpg", "/test-card.png"):
        answer = caller.http.post("/tasks", json={"imageUrl": sources.url(path)})
        assert answer.status_code == 202
    yield
    held.set()


def settled(page: Page) -> None:
    for status, count in [("Completed", 2), ("Running", 1), ("Failed", 1)]:
        expect(page.locator(".status", has_text=status)).to_have_count(count)
    for image in page.locator("img").all():
        expect(image).to_have_js_property("complete", value=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_on_the_key_form(visit: Callable[..., Page], scheme: str):
    assert serious_faults(visit(PHONE, scheme)) == []


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_serious_fault_on_the_page(
    enter: Callable[..., Page], width: int, scheme: str
):
    page = enter(width, scheme)
    settled(page)
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="`make screenshots` takes them")
@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_screenshots_are_taken(enter: Callable[..., Page], width: int, scheme: str):
    page = enter(width, scheme, device_scale_factor=1.5)
    settled(page)
    shot = page.screenshot(full_page=width == PHONE)
    place = DOCS / f"page-{'phone' if width == PHONE else 'desk'}-{scheme}.webp"
    Image.open(io.BytesIO(shot)).save(place, "WEBP", quality=88, method=6)
    assert place.stat().st_size < LARGEST


def test_axe_would_find_a_fault(visit: Callable[..., Page]):
    page = visit()
    page.evaluate("document.querySelector('label[for=key]').remove()")
    assert "label" in {fault.partition(":")[0] for fault in serious_faults(page)}
