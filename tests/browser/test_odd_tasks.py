"""The page shows every response that the API may send, and keeps polling after it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.cloud.batches import Batches
from tests.support.fakes.sources import Sources

NAMES = ["\u202egnp.evil", "👩‍👩‍👧 é", "<img src=x onerror=alert(1)>", "a\0b", "x" * 200, "\u2028 "]
SOURCES: list[dict[str, Any] | None] = [
    {"object": "holiday/2026/a.jpg"},
    {"line": '{"imageUrl": 5}', "lineNumber": 17},
    {"line": ""},  # as tasks of an earlier release have it
    {"uploadId": "00000000-0000-4000-8000-000000000000"},
    {"imageUrl": "data:image/png;base64,…"},
    {"imageUrl": "http://1.2.3.4.5/a.png"},
    {"imageUrl": "http://a^b.example/"},
    {"imageUrl": "http://x%zz.example/%zz"},
    {"imageUrl": "http://[::1%25lo]/"},
    {"imageUrl": ""},
    {},
    None,
]


def task(number: int, **fields: Any) -> dict[str, Any]:
    """A task as `GET /tasks` shows it."""
    place = f"/tasks/{number:08}-0000-4000-8000-000000000000"
    return {
        "taskId": place.removeprefix("/tasks/"),
        "name": None,
        "status": "COMPLETED",
        "attempt": 1,
        "source": {"imageUrl": "https://example.com/a.png"},
        "output": {"format": "auto", "quality": 90},
        "createdAt": f"2026-11-25T01:00:{number:02}.000Z",
        "startedAt": "2026-11-25T01:02:03.456Z",
        "completedAt": "2026-11-25T01:02:04.456Z",
        "result": None,
        "failure": None,
        "callback": None,
        "execution": None,
        "links": {"self": place, "retry": None, "cancel": None},
    } | fields


def odd_tasks() -> list[dict[str, Any]]:
    """Every kind of source, name and missing field, one task for each."""
    result = {"url": "data:,x", "expiresAt": "x", "contentType": "image/png", "sha256": "0" * 64}
    result |= {"width": 1, "height": 1, "bytes": 1}
    failed = {"status": "FAILED", "failure": {"step": "Download", "error": "E", "message": "m"}}
    kinds = [{"source": source, "result": result} for source in SOURCES]
    kinds += [{"source": source, **failed} for source in SOURCES]
    kinds += [{"name": name, **failed} for name in NAMES]
    kinds += [
        {"status": "FAILED"},
        {"status": "FAILED", "failure": {"step": None, "error": None, "message": None}},
        {"status": "FAILED", "failure": {"step": "MarkCompleted", "error": "E", "message": "m"}},
        {"status": "FAILED", "failure": {"step": "__proto__", "error": "constructor"}},
        {"status": "LATER"},
    ]
    return [task(number, **kind) for number, kind in enumerate(kinds)]


BROKEN = [{"links": None}, {"createdAt": "never"}, {"status": None}, {"result": {}}]
"""What the API never answers, but somebody in between may."""


def answer_with(page: Page, *answers: dict[str, Any] | list[dict[str, Any]]) -> list[int]:
    """Answer `GET /tasks` with these responses, and then always with the last one; count them."""
    given: list[int] = []

    def answer(route: Route) -> None:
        now = answers[min(len(given), len(answers) - 1)]
        given.append(1)
        listed = {"json": {"tasks": now, "cursor": None}}
        route.fulfill(**(listed if isinstance(now, list) else now), headers={"Retry-After": "0"})

    page.route("**/tasks?*", answer)
    return given


@pytest.fixture
def quiet(faults: list[str]) -> Callable[[str], None]:
    """Ignore the browser's own messages about unsuccessful responses, and messages with these
    words."""

    def forgive(words: str = "Failed to load resource") -> None:
        known = [fault for fault in faults if "Failed to load resource" in fault or words in fault]
        assert faults == known
        faults.clear()

    return forgive


def test_every_task_that_the_api_can_return_is_shown(visit, caller, quiet):
    tasks = odd_tasks()
    page = visit()
    asked = answer_with(page, tasks)
    enter(page, caller.key)

    cards = page.get_by_role("article")
    expect(cards).to_have_count(len(tasks))
    expect(page.get_by_text("Not shown")).to_have_count(0)
    for title in ("a.jpg", "Line 17", "http://1.2.3.4.5/a.png", NAMES[2]):
        expect(page.get_by_role("heading", name=title, exact=True).first).to_be_visible()
    assert page.evaluate("document.querySelectorAll('#cards h3 *').length") == 0  # no markup
    until_asked_again(page, asked)
    quiet()  # sources and results that do not exist


def test_a_task_that_cannot_be_shown_says_so_in_its_place_and_the_others_work(visit, caller, quiet):
    broken = [task(number, **kind) for number, kind in enumerate(BROKEN, 1)]
    links = {"self": "/tasks/x", "retry": "/tasks/x/retry", "cancel": None}
    good = task(9, name="good", status="CANCELLED", links=links)
    page = visit()
    asked = answer_with(page, [good, *broken, None, "text"])  # type: ignore[list-item]
    enter(page, caller.key)

    expect(page.get_by_role("article")).to_have_count(1 + len(BROKEN))
    expect(page.get_by_text("This task cannot be shown.")).to_have_count(len(BROKEN))
    for each in broken:
        expect(page.get_by_text(f"Task {each['taskId']}")).to_be_visible()
    page.route("**/tasks/x/retry", lambda route: route.fulfill(status=409, json={
        "error": {"code": "NotRetryable", "message": "Somebody was first."}
    }))  # fmt: skip
    page.get_by_role("button", name="Retry good").click()
    expect(page.get_by_text("Somebody was first.")).to_be_visible()
    until_asked_again(page, asked)
    quiet("Error: ")


TROUBLE: dict[str, dict[str, Any]] = {
    "a page of somebody in between": {"status": 200, "body": "<html>Sign in</html>"},
    "half of an answer": {"status": 200, "body": '{"tasks": ['},
    "null": {"status": 200, "json": None},
    "no list": {"status": 200, "json": {"tasks": {"0": 1}}},
    "a 404 of somebody in between": {"status": 404, "body": "<html>Not here</html>"},
    "an error of ours": {"status": 500, "json": {"error": {"code": "X", "message": "Broken."}}},
    "null as an error": {"status": 503, "json": None},
    "text as an error": {"status": 502, "body": "Bad gateway"},
    "a 304 that nobody asked for": {"status": 304},
    "a redirect to nowhere": {"status": 302},
}


@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE)
def test_the_page_says_that_it_cannot_read_the_list_and_goes_on_asking(
    visit, caller, quiet, answer: dict[str, Any]
):
    page = visit()
    page.clock.install()
    ended = {"healed": False}

    def reply(route: Route) -> None:
        now = {"json": {"tasks": [task(1, name="healed")], "cursor": None}}
        given = now if ended["healed"] else copy.deepcopy(answer)
        if given.get("json", "") is None:
            given["body"] = json.dumps(given.pop("json"))
        route.fulfill(**given)

    page.route("**/tasks?*", reply)
    enter(page, caller.key)
    expect(page.get_by_text("Trying again.")).to_be_visible()

    ended["healed"] = True
    page.clock.fast_forward("01:00")

    expect(page.get_by_role("article", name="healed")).to_be_visible()
    expect(page.get_by_text("Trying again.")).to_have_count(0)
    quiet("TypeError: ")


def test_a_request_without_an_answer_times_out_and_is_repeated(visit, caller, quiet):
    page = visit()
    # Longer than a test may take. The test is about the time limit of the page.
    page.add_init_script("AbortSignal.timeout = () => { "
                         "const c = new AbortController(); setTimeout(() => c.abort(), 200); "
                         "return c.signal; }")  # fmt: skip
    page.reload()
    asked: list[int] = []

    def reply(route: Route) -> None:
        asked.append(1)
        if len(asked) > 1:
            route.fulfill(json={"tasks": [task(1, name="late")], "cursor": None})

    page.route("**/tasks?*", reply)
    enter(page, caller.key)
    expect(
        page.get_by_text("The service cannot be reached. Check your connection. Trying again.")
    ).to_be_visible()
    expect(page.get_by_role("article", name="late")).to_be_visible()
    quiet()


@pytest.mark.parametrize(
    "reported", ["99999999999", "-1", "soon", "Wed, 25 Nov 2026 01:00:00 GMT", ""]
)
def test_no_retry_after_stops_the_page_or_lets_it_hurry(visit, caller, reported: str):
    page = visit()
    page.clock.install()
    asked: list[int] = []

    def reply(route: Route) -> None:
        asked.append(1)
        route.fulfill(json={"tasks": [], "cursor": None}, headers={"Retry-After": reported})

    page.route("**/tasks?*", reply)
    enter(page, caller.key)
    expect(page.get_by_text("No tasks yet.")).to_be_visible()
    assert len(asked) == 1

    page.clock.run_for(4_000)
    assert len(asked) == 1
    with page.expect_request("**/tasks?*"):
        page.clock.fast_forward("06:00")


def test_a_page_that_did_not_load_completely_shows_a_message(visit, faults: list[str]):
    page = visit()
    page.route("**/task.asl.json", lambda route: route.fulfill(status=503, body="no"))
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="did not load completely")).to_be_visible()
    assert faults
    faults.clear()


def test_a_batch_of_objects_and_of_bad_lines_is_shown_on_the_page(
    standard, visit, caller, sources: Sources, quiet
):
    as_caller = copy.copy(standard)  # that of all tests keeps its own client
    as_caller.http = caller.http
    batches = Batches(as_caller)
    lines = [
        b'{"imageUrl": 5}',
        b"\xff",
        json.dumps({"imageUrl": sources.url("/colour.png")}).encode(),
    ]
    upload = batches.upload(b"\n".join(lines), "application/x-ndjson")
    batches.ended(batches.submit(manifest={"uploadId": upload, "format": "jsonl"}))
    page = visit()
    enter(page, caller.key)
    for title, state in (("Line 1", "Failed"), ("Line 2", "Failed"), ("colour.png", "Completed")):
        shown = page.get_by_role("article", name=title, exact=True)
        expect(shown.locator(".status")).to_have_text(state)
    expect(page.get_by_text("Line 2 is not UTF-8, from byte 1 on: save")).to_be_visible()
    quiet()


def enter(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def until_asked_again(page: Page, asked: list[int]) -> None:
    """Wait for another round of requests, whatever the last one returned."""
    with page.expect_request("**/tasks?*"):
        assert asked
