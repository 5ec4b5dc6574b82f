"""The list of tasks: search, counts, selection, rows, its address, and smooth scrolling."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, PHONE, Caller, serious_faults


def submit(caller: Caller, url: str, **more: Any) -> str:
    answer = caller.http.post("/tasks", json={"imageUrl": url, **more})
    assert answer.status_code == 202, answer.text
    task_id: str = answer.json()["taskId"]
    return task_id


def all_ended(page: Page, number: int) -> None:
    expect(page.locator(".card:is(.completed, .failed, .cancelled)")).to_have_count(number)


def find(page: Page, text: str) -> None:
    page.get_by_label("Find a task").fill(text)
    page.get_by_label("Find a task").press("Enter")


def titles(page: Page) -> list[str]:
    return page.locator(".card:not([hidden]) h3").all_inner_texts()


def test_a_title_that_is_shown_is_found_and_the_filter_is_in_the_address(
    enter, caller: Caller, sources: Sources
):
    for path in ("/missing/lisbon.jpg", "/missing/porto.jpg", "/colour.png"):
        submit(caller, sources.url(path))
    page = enter()
    all_ended(page, 3)
    expect(page.locator("#counts")).to_have_text(re.compile("^3 tasks loaded: .*2 failed"))

    find(page, "lisb")
    expect(page.locator("#counts")).to_have_text("1 of 3 loaded tasks: 1 failed")
    assert titles(page) == ["lisbon.jpg"]
    expect(page).to_have_url(re.compile(r"#/\?find=lisb$"))
    find(page, "sourcenotfound")
    expect(page.locator("#counts")).to_have_text("2 of 3 loaded tasks: 2 failed")
    assert sorted(titles(page)) == ["lisbon.jpg", "porto.jpg"]

    page.get_by_label("Status", exact=True).select_option("Failed")
    page.reload()
    expect(page.locator(".card:not([hidden])")).to_have_count(2)
    expect(page.get_by_label("Find a task")).to_have_value("sourcenotfound")
    expect(page.get_by_label("Status", exact=True)).to_have_value("FAILED")

    page.get_by_role("link", name="porto.jpg", exact=True).click()
    page.get_by_role("link", name="All tasks").click()
    expect(page.get_by_label("Find a task")).to_have_value("sourcenotfound")
    page.get_by_label("Status", exact=True).select_option("All")
    page.go_back()
    expect(page.get_by_label("Status", exact=True)).to_have_value("FAILED")


def test_a_name_is_found_although_its_task_is_not_loaded(enter, caller: Caller, sources: Sources):
    submit(caller, sources.url("/colour.png"), name="the oldest")
    for number in range(20):
        submit(caller, sources.url("/colour.png"), name=f"print {number}")
    page = enter()
    expect(page.get_by_role("article")).to_have_count(20)

    find(page, "the oldest")

    expect(page.get_by_role("article")).to_have_count(1)
    assert titles(page) == ["the oldest"]


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_a_task_is_one_row_with_its_error_and_axe_finds_no_fault(
    enter, caller: Caller, sources: Sources, width: int, scheme: str
):
    for number in range(3):
        submit(caller, sources.url(f"/missing/{number}.jpg"))
    page = enter(width, scheme)
    all_ended(page, 3)
    page.get_by_role("button", name="Rows").click()
    expect(page).to_have_url(re.compile(r"view=rows$"))
    rows = page.get_by_role("article")
    expect(rows.first).to_contain_text("SourceNotFound")
    assert max(box["height"] for row in rows.all() if (box := row.bounding_box())) < 100
    rows.first.get_by_role("checkbox").check()
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_selected_tasks_are_retried_together_with_the_keyboard(
    enter, caller: Caller, sources: Sources
):
    for number in range(3):
        submit(caller, sources.url(f"/later/{number}.jpg"))
    submit(caller, sources.url("/colour.png"))
    page = enter()
    all_ended(page, 4)
    for number in range(3):
        sources.files[f"/later/{number}.jpg"] = JPEG

    page.get_by_label("Select all").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Download 1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Retry 3")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#bulk-result")).to_have_text("3 retried.")
    expect(page.locator(".card.completed")).to_have_count(4)


def test_selected_results_are_downloaded_with_their_names(enter, caller: Caller, sources: Sources):
    submit(caller, sources.url("/colour.png"))
    page = enter()
    all_ended(page, 1)
    page.get_by_label("Select colour.png").check()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download 1").click()
    assert saved.value.suggested_filename == "colour-gray.png"
    assert saved.value.path().stat().st_size > 0
    expect(page.locator("#bulk-result")).to_have_text("1 saved.")


def test_the_skip_link_leads_to_the_tasks_and_keeps_the_filter(enter):
    page = enter()
    page.evaluate("location.hash = '#/?status=FAILED&find=x'")
    expect(page.get_by_label("Find a task")).to_have_value("x")
    page.get_by_role("link", name="Skip to the tasks").press("Enter")
    expect(page.locator("#tasks")).to_be_focused()
    expect(page).to_have_url(re.compile(r"#/\?status=FAILED&find=x$"))
    expect(page.get_by_label("Find a task")).to_have_value("x")


def test_files_that_could_not_be_sent_stay_and_are_sent_again(
    enter, sources: Sources, faults: list[str]
):
    page = enter()
    page.route("**/tasks", lambda route: route.fulfill(status=400, json={
        "error": {"code": "InvalidSource", "message": "Not today."}
    }))  # fmt: skip
    page.get_by_label("Image URLs, one per line").fill(sources.url("/colour.png"))
    page.get_by_role("button", name="Submit the URLs").click()
    line = page.locator("#submissions li")
    expect(line).to_contain_text("Not today.")
    line.get_by_role("button", name="Edit").click()
    expect(line).to_have_count(0)
    expect(page.get_by_label("Image URLs, one per line")).to_have_value(sources.url("/colour.png"))
    page.get_by_role("button", name="Submit the URLs").click()
    expect(line).to_contain_text("Not today.")
    page.unroute("**/tasks")

    line.get_by_role("button", name="Send again").click()

    expect(page.get_by_role("article", name="colour.png")).to_be_visible()
    expect(line).to_have_count(0)
    assert all("400" in fault for fault in faults)
    faults.clear()


def test_a_revoked_key_is_asked_for_again_and_no_input_is_lost(
    enter, standard: Stack, caller: Caller, sources: Sources, faults: list[str]
):
    page = enter()
    forbidden = {"error": {"code": "Forbidden", "message": "Send a valid API key."}}
    page.route("**/tasks", lambda route: route.fulfill(status=403, json=forbidden))
    page.get_by_label("Quality").fill("77")
    page.get_by_label("Image URLs, one per line").fill(sources.url("/colour.png"))
    page.get_by_role("button", name="Submit the URLs").click()

    expect(page.get_by_label("API key")).to_be_focused()
    expect(page.get_by_role("alert").get_by_text("The API key is not valid.")).to_be_visible()
    page.unroute("**/tasks")
    page.get_by_label("API key").fill(standard.new_key("rotated"))
    page.keyboard.press("Enter")

    expect(page.get_by_label("Quality")).to_have_value("77")
    line = page.locator("#submissions li")
    expect(line).to_contain_text("/colour.png")
    line.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("article", name="colour.png")).to_be_visible()
    assert caller.key
    assert all("403" in fault for fault in faults)
    faults.clear()


MANY = 10_000
PER_PAGE = 100


def listed(number: int) -> dict[str, Any]:
    """The task of this number; the newest has the highest one."""
    path = f"/tasks/{number:08}-0000-4000-8000-000000000000"
    failed = number % 7 == 0
    seconds = f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
    return {
        "taskId": path.removeprefix("/tasks/"),
        "name": f"print {number}",
        "status": "FAILED" if failed else "CANCELLED",
        "attempt": 1,
        "source": {"imageUrl": f"https://example.com/{number}.png"},
        "output": {"format": "auto", "quality": 90},
        "createdAt": f"2026-11-25T{seconds}.000Z",
        "startedAt": f"2026-11-25T{seconds}.100Z",
        "completedAt": f"2026-11-25T{seconds}.200Z",
        "result": None,
        "failure": {"step": "Download", "error": "SourceNotFound", "message": "m"}
        if failed
        else None,
        "callback": None,
        "execution": None,
        "links": {"self": path, "retry": f"{path}/retry", "cancel": None},
    }


def answer_many(page: Page) -> list[str]:
    """Answer `GET /tasks` as a stack with 10,000 tasks would; return the requests."""
    asked: list[str] = []

    def reply(route: Route) -> None:
        asked.append(route.request.url)
        query = parse_qs(urlsplit(route.request.url).query)
        start = int(query.get("cursor", [str(MANY)])[0])
        end = max(start - int(query["limit"][0]), 0)
        tasks = [listed(number) for number in range(start, end, -1)]
        route.fulfill(body=json.dumps({"tasks": tasks, "cursor": str(end) if end else None}))

    page.route("**/tasks?*", reply)
    return asked


WATCH_LONG_TASKS = """() => {
  window.long = [];
  new PerformanceObserver((list) => {
    window.long.push(...list.getEntries().map(({ duration }) => duration));
  }).observe({ type: "longtask" });
}"""


def test_a_browser_without_layout_events_shows_every_card(visit, caller: Caller):
    page = visit()
    page.add_init_script("""
      delete window.ContentVisibilityAutoStateChangeEvent;
      const ignore = (event) => event.stopImmediatePropagation();
      window.addEventListener("contentvisibilityautostatechange", ignore, true);
    """)
    page.reload()
    answer_many(page)
    page.get_by_label("API key").fill(caller.key)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Older tasks").click()
    expect(page.locator(".card h3")).to_have_count(20 + PER_PAGE)


@pytest.mark.parametrize(("width", "view"), [(DESK, "rows"), (PHONE, "")])
def test_a_list_of_thousands_is_scrolled_without_a_long_task(
    visit, caller: Caller, width: int, view: str
):
    page = visit(width)
    asked = answer_many(page)
    page.evaluate("view => { location.hash = `#/?view=${view}`; }", view)
    page.get_by_label("API key").fill(caller.key)
    page.keyboard.press("Enter")
    cards = page.locator(".card")
    expect(cards).to_have_count(20)
    older = page.get_by_role("button", name="Older tasks")
    for number in range(1, 6):
        expect(older).to_be_enabled()
        older.press("Enter")  # a click can miss the button, which moves while cards are laid out
        expect(cards).to_have_count(20 + number * PER_PAGE)
    assert len(asked) == 1 + 5

    page.evaluate("scrollTo(0, 0)")
    page.evaluate(WATCH_LONG_TASKS)
    for _ in range(20):
        page.mouse.wheel(0, 900)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(page.get_by_role("heading", name="print 9960")).to_be_attached()

    long = page.evaluate("window.long")
    # On an idle machine they are shorter than 50 ms. On a busy machine everything takes longer.
    assert max(long, default=0) < 1000, long
    assert page.locator(".card h3").count() < cards.count()  # others are filled when visible
