"""The page of a task: what failed, why, how often it was tried, and what to do."""

import io
import os
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, LOOKS, PHONE, Caller, box, go, serious_faults
from tests.support.project import PROJECT

FOLD = 844
"""The height of the phone. What matters most must be above it."""


def test_the_page_of_a_failed_task_shows_what_failed_why_the_tries_and_what_to_do(enter, submit):
    task_id = submit("/status/500/harbour.jpg")  # once, because its retries take seconds
    for width, scheme in LOOKS:
        see_the_failure(enter(width, scheme), task_id, width)


def see_the_failure(page: Page, task_id: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": FOLD})
    task = go(page, task_id)

    reported = [
        task.get_by_role("heading", name="Download failed: SourceUnavailable"),
        task.get_by_text(re.compile(r"^Tried 4 times in \d")),
        task.locator(".verdict .message").get_by_text("answered 500."),
        task.get_by_role("heading", name="What to do"),
        task.get_by_text("Try again later."),
        task.get_by_role("button", name="Retry"),
    ]
    for each in reported:
        expect(each).to_be_in_viewport(ratio=1)
    for state, outcome in {
        "MarkRunning": "succeeded",
        "Download": "caught_error",
        "Grayscale": "not_reached",
        "MarkFailed": "succeeded",
        "TaskFailed": "failed",
    }.items():
        expect(box(page, state)).to_have_class(f"box {outcome}")
    expect(box(page, "Download")).to_contain_text("4 tries · ")
    tries = task.get_by_role("table", name="Tries of Download").get_by_role("row")
    expect(tries).to_have_count(1 + 4)
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="`make screenshots` takes them")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots_of_a_failure_are_taken(enter, submit, scheme: str):
    page = enter(DESK, scheme, device_scale_factor=1.5)
    task = go(page, submit("/status/500/harbour.jpg"))
    expect(task.get_by_role("table", name="Tries of Download")).to_be_visible()
    place = PROJECT / "docs" / f"page-task-{scheme}.webp"
    Image.open(io.BytesIO(page.screenshot())).save(place, "WEBP", quality=88, method=6)


def test_a_task_has_an_address_that_survives_a_reload_and_the_back_button(enter, submit):
    task_id = submit("/status/404/lisbon.jpg")
    page = enter()
    page.get_by_role("link", name="lisbon.jpg", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/#/tasks/{task_id}$"))
    expect(page.get_by_role("heading", name="lisbon.jpg")).to_be_focused()
    expect(page).to_have_title(re.compile("^lisbon.jpg . Darkroom$"))

    page.reload()
    expect(page.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    expect(page.locator("#task")).to_be_hidden()
    page.go_forward()
    expect(page.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()


def test_the_address_works_with_and_without_a_slash(
    browser, standard: Stack, caller: Caller, submit, faults: list[str]
):
    task_id = submit("/status/404/lisbon.jpg")
    for slash in ("", "/"):
        page = browser.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.goto(f"{standard.description['apiUrl']}{slash}#/tasks/{task_id}")
        page.get_by_label("API key").fill(caller.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_role("link", name="2", exact=True)).to_be_visible()
        page.close()
    assert faults == []


def test_a_running_task_shows_the_state_that_runs_and_then_its_end(enter, submit, sources: Sources):
    sources.files["/held/slow.jpg"] = JPEG
    page = enter()
    task = go(page, submit("/held/slow.jpg", ends=False))

    expect(task.get_by_role("heading", name="Download is running")).to_be_visible()
    expect(page.locator(".graph .box.running")).to_have_count(1)
    expect(box(page, "Download")).to_have_class("box running")

    sources.held["/held/slow.jpg"].set()
    expect(task.get_by_role("heading", name="Completed in")).to_be_visible()
    expect(page.locator(".graph .box.succeeded")).to_have_count(5)
    expect(task.get_by_role("slider")).to_be_visible()
    expect(task.get_by_role("link", name="Open result")).to_be_visible()


def test_a_running_task_in_the_list_highlights_no_state(enter, submit, sources: Sources):
    submit("/held/list.jpg", ends=False)
    page = enter()
    card = page.get_by_role("article", name="list.jpg")
    expect(card.locator(".status")).to_have_text("Running")
    expect(card.locator(".state:is(.done, .open, .failed)")).to_have_count(0)
    sources.held["/held/list.jpg"].set()


def test_a_retry_is_the_next_attempt_and_the_last_one_can_still_be_read(
    enter, submit, sources: Sources
):
    task_id = submit("/late.jpg")
    page = enter()
    task = go(page, task_id)
    sources.files["/late.jpg"] = JPEG
    task.get_by_role("button", name="Retry").click()
    expect(task.get_by_role("heading", name="Completed in")).to_be_visible()

    task.get_by_role("link", name="1", exact=True).click()

    expect(page).to_have_url(re.compile(rf"{task_id}\?attempt=1$"))
    expect(task.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()
    expect(task.get_by_role("heading", name="What to do")).to_be_visible()
    expect(task.get_by_role("link", name="1", exact=True)).to_have_attribute("aria-current", "page")
    expect(task.get_by_text("This page has only those of the last attempt.")).to_be_visible()


def test_the_page_can_be_used_with_the_keyboard_only(enter, submit):
    submit("/status/404/keys.jpg")
    page = enter(timezone_id="Asia/Tokyo")
    link = page.get_by_role("link", name="keys.jpg", exact=True)
    link.focus()
    assert times(page.locator("#cards")) == ["day minute UTC"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="keys.jpg")).to_be_focused()
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached[:4] == ["do-retry", "do-delete", "state-0-name", "state-1-name"]
    assert "events-name" in reached
    page.locator("#events-name").focus()
    page.keyboard.press("Enter")
    events = page.get_by_role("table", name="Events of the execution")
    expect(events.get_by_role("row", name=re.compile("TaskFailed.*SourceNotFound"))).to_be_visible()
    page.locator("#logs-name").focus()
    page.keyboard.press("Enter")
    logs = page.get_by_role("table", name="Log lines of the last attempt")
    expect(
        logs.get_by_role("row", name=re.compile("download WARNING failed .*404"))
    ).to_be_visible()
    expect(
        page.get_by_role("columnheader", name=re.compile(r"^(Time|Started) \(UTC\)$"))
    ).to_have_count(3)
    assert set(times(page.locator("#task"))) == {"day second UTC", "millisecond"}
    page.locator("#back").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="keys.jpg")).to_be_focused()


def times(part: Locator) -> list[str]:
    """How each time is written, which says in UTC what its element says for programs."""
    shown = part.locator("time").evaluate_all("all => all.map((o) => [o.dateTime, o.textContent])")
    forms = []
    for moment, text in shown:
        day, time = moment.removesuffix("Z").split("T")
        written = {
            f"{day} {time[:5]} UTC": "day minute UTC",
            f"{day} {time[:8]} UTC": "day second UTC",
            time: "millisecond",
        }
        forms.append(written[text])
    return forms


def test_input_and_output_are_text_and_have_no_secret(enter, submit):
    task_id = submit("/status/404/a.jpg?token=abc", name="<img src=x onerror=alert(1)>")
    page = enter()
    task = go(page, task_id)
    page.locator("#execution-input-name").click()
    expect(page.locator("#execution-input pre")).to_contain_text('"imageUrl": "http://127.0.0.1')
    assert "token" not in page.locator(".rest").inner_text()
    expect(task.get_by_role("heading", name="<img src=x onerror=alert(1)>")).to_be_visible()
    assert task.locator("h2 *").count() == 0


def test_every_error_of_the_documentation_says_what_to_do(visit):
    page = visit()
    script = """async () => {
      const main = document.querySelector("script[src]").src;
      const { advice, readErrors } = await import(new URL("errors.js", main));
      const reported = [...await readErrors()].map(([name, text]) => [name, advice(text)]);
      return Object.fromEntries(reported);
    }"""
    reported = page.evaluate(script)
    rows = re.findall(r"^\| `(\w+)` ", (PROJECT / "docs" / "errors.md").read_text(), re.M)
    never = {"StaleAttempt"}  # it is never the failure of a task
    assert [name for name in rows if name not in never and not reported[name]["todo"]] == []
    assert reported["SourceNotFound"]["todo"] == "Check the URL, or upload the file again."
    assert "Check" not in reported["SourceNotFound"]["meaning"]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_parts_of_a_drawing_overlap(enter, submit, width: int):
    page = enter(width)
    go(page, submit("/colour.png"))
    boxes = page.locator(".graph rect").evaluate_all(
        "all => all.map((one) => { const { left, top, right, bottom } = "
        "one.getBoundingClientRect(); return [left, top, right, bottom]; })"
    )
    definition = (PROJECT / "statemachine" / "task.asl.json").read_text()
    assert len(boxes) == len(re.findall(r'"Type": "', definition))
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
