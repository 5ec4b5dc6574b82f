"""Who looks at the page, on which screens, and what axe says of it."""

import itertools
from dataclasses import dataclass

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE, DESK = 390, 1400
LOOKS = list(itertools.product([PHONE, DESK], ["light", "dark"]))
SERIOUS = {"serious", "critical"}


@dataclass
class Caller:
    """Somebody with a key, who has no tasks yet."""

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
