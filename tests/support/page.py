"""The users and screens of the page, and how axe checks it."""

import itertools
import re
from dataclasses import dataclass

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

PHONE, DESK = 390, 1400
LOOKS = list(itertools.product([PHONE, DESK], ["light", "dark"]))
SERIOUS = {"serious", "critical"}


@dataclass
class Caller:
    """A caller with a key, without tasks."""

    key: str
    http: httpx.Client


def serious_faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def hide(page: Page, *, hidden: bool) -> None:
    """Put the tab in the background, or in front again."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def ended(caller: Caller, task_id: str) -> bool:
    """Whether a task and its execution have ended."""
    status = caller.http.get(f"/tasks/{task_id}").json()["status"]
    if status in {"PENDING", "RUNNING"}:
        return False
    return bool(caller.http.get(f"/tasks/{task_id}/history").json()["status"] != "RUNNING")


def go(page: Page, task_id: str, query: str = "") -> Locator:
    page.evaluate("place => { location.hash = place; }", f"#/tasks/{task_id}{query}")
    expect(page.locator("#task .verdict")).to_be_visible()
    return page.locator("#task")


def box(page: Page, state: str) -> Locator:
    """The state of this name in the drawing."""
    exact = re.compile(rf"^{state}$")
    return page.locator(".graph .box").filter(has=page.locator(".name").get_by_text(exact))
