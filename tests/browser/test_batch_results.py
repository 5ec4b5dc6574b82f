"""The results of a batch become files: in a folder that a person chooses, or as downloads."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.fakes.sources import JPEG
from tests.support.page import Caller, serious_faults

BATCH = "00000000-0000-4000-8000-000000000000"
# A folder of the browser's own, because nobody can choose one of the computer's here.
CHOOSE = "window.showDirectoryPicker = () => navigator.storage.getDirectory()"
SAVED = """async () => {
  const found = {};
  const walk = async (folder, path) => {
    for await (const [name, entry] of folder.entries()) {
      if (entry.kind === "directory") await walk(entry, `${path}${name}/`);
      else found[path + name] = (await entry.getFile()).size;
    }
  };
  await walk(await navigator.storage.getDirectory(), "");
  return found;
}"""


def task(number: int, name: str, kind: str) -> dict[str, Any]:
    """A task as `GET /batches/{batchId}/tasks` shows it, with a result at `/result/{number}`."""
    place = f"/tasks/{number:08}-0000-4000-8000-000000000000"
    result = {"url": f"/result/{number}", "contentType": kind, "bytes": len(JPEG)}
    return {
        "taskId": place.removeprefix("/tasks/"),
        "name": name,
        "status": "COMPLETED",
        "source": {"uploadId": BATCH},
        "result": result if kind else None,
        "failure": None,
    }


def batch(number: int, name: str | None) -> dict[str, Any]:
    counts = dict.fromkeys(("PENDING", "RUNNING", "FAILED", "CANCELLED"), 0)
    return {
        "batchId": BATCH,
        "name": name,
        "status": "COMPLETED",
        "createdAt": "2026-11-25T01:02:03.456Z",
        "completedAt": "2026-11-25T01:02:04.456Z",
        "toleratedFailurePercentage": 100,
        "total": number,
        "deleted": 0,
        "counts": {**counts, "COMPLETED": number},
        "failure": None,
        "deletionRequestedAt": None,
        "links": {"retry": None, "cancel": None, "self": f"/batches/{BATCH}"},
    }


@pytest.fixture
def look_at(visit: Callable[..., Page], caller: Caller) -> Callable[..., Page]:
    """Open the page of a batch whose tasks have these names and types of results."""

    def look_at(
        *results: tuple[str, str],
        name: str | None = "trip",
        answer: Callable[[Route], None] = lambda route: route.fulfill(body=JPEG),
    ) -> Page:
        page = visit()
        tasks = [task(number, *result) for number, result in enumerate(results)]
        page.route("**/result/*", answer)
        page.route(f"**/batches/{BATCH}", lambda r: r.fulfill(json=batch(len(results), name)))
        page.route(
            f"**/batches/{BATCH}/tasks?*",
            lambda route: route.fulfill(json={"tasks": tasks, "cursor": None}),
        )
        page.evaluate("place => { location.hash = place; }", f"#/batches/{BATCH}")
        page.get_by_label("API key").fill(caller.key)
        page.keyboard.press("Enter")
        expect(save(page)).to_be_visible()
        return page

    return look_at


def save(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^(Save|Stop)"))


def report(page: Page) -> Locator:
    return page.locator(".saving")


def test_each_result_has_the_path_of_its_source_and_none_replaces_another(look_at):
    jpeg = "image/jpeg"
    names = {
        "day 1/a.JPG": "day 1/a.JPG",
        "day 1/A.jpg": "day 1/A (2).jpg",
        "é.png": "é.jpg",
        "e\u0301.jpg": "e\u0301 (2).jpg",
        "../../up.jpg": "up.jpg",
        "con.jpg": "_con.jpg",
        "a:b*c?.jpg": "a_b_c_.jpg",
        "v1.2": "v1.2.jpg",
        "\u202egnp.exe": "_gnp.exe.jpg",
        " . ": f"{task(9, '', '')['taskId']}.jpg",
    }
    page = look_at(*((name, jpeg) for name in names), name="my/trip")
    page.evaluate(CHOOSE)
    save(page).press("Enter")

    expect(report(page)).to_have_text("10 of 10 results saved in /my_trip 00000000.")
    expect(save(page)).to_be_focused()
    assert page.evaluate(SAVED) == {
        f"my_trip 00000000/{path}": len(JPEG) for path in names.values()
    }
    assert serious_faults(page) == []


def test_what_could_not_be_saved_is_named_with_its_reason(look_at, faults: list[str]):
    answers = {"0": [503, 200], "1": [403]}  # a retry helps the first one

    def answer(route: Route) -> None:
        status = answers[route.request.url[-1]].pop(0)
        route.fulfill(status=status, body=JPEG)

    page = look_at(("a.jpg", "image/jpeg"), ("b.png", "image/png"), ("c.jpg", ""), answer=answer)
    page.evaluate(CHOOSE)
    save(page).click()

    expect(report(page)).to_contain_text("1 of 3 results saved in /trip 00000000. 2 failed.")
    reasons = report(page).get_by_role("listitem").all_inner_texts()
    assert sorted(reasons) == [
        "b.png: S3 returned 403. Try again.",
        "c.jpg: The result has expired.",
    ]
    assert all("403" in fault or "503" in fault for fault in faults)
    faults.clear()


def test_a_person_can_stop_and_a_folder_that_is_not_chosen_or_not_allowed_changes_nothing(look_at):
    held: list[Route] = []
    released: list[bool] = []

    def hold(route: Route) -> None:
        if released:
            route.fulfill(body=JPEG)
        else:
            held.append(route)

    page = look_at(*((f"{n}.jpg", "image/jpeg") for n in range(5)), answer=hold)
    refuse = """name => {
      window.showDirectoryPicker = async () => { throw new DOMException("No.", name); };
    }"""
    refusal = page.get_by_role("alert").filter(has_text="This folder cannot be used")
    page.evaluate(refuse, "AbortError")
    save(page).click()
    expect(save(page)).to_have_text("Save 5 results")
    expect(report(page)).to_be_empty()
    expect(refusal).to_have_count(0)
    page.evaluate(refuse, "SecurityError")
    save(page).click()
    expect(refusal).to_have_text("This folder cannot be used: No.")
    expect(save(page)).to_have_text("Save 5 results")

    page.evaluate(CHOOSE)
    save(page).click()
    expect(report(page)).to_contain_text("0 of 5 results saved")
    expect(save(page)).to_have_text("Stop saving")
    save(page).click()  # more than once does no harm
    expect(refusal).to_have_count(0)
    save(page).click()
    released.append(True)
    for route in held:
        route.fulfill(body=JPEG)
    expect(report(page)).to_have_text("3 of 5 results saved in /trip 00000000. Stopped.")
    assert len(page.evaluate(SAVED)) == 3


def test_a_browser_that_gives_no_folder_downloads_each_result(look_at):
    page = look_at(("day 1/a.png", "image/png"), ("day 1/A.jpg", "image/png"))
    page.evaluate("delete window.showDirectoryPicker")
    names: list[str] = []
    page.on("download", lambda file: names.append(file.suggested_filename))
    save(page).click()

    expect(report(page)).to_have_text("2 of 2 results saved in the downloads of this browser.")
    assert sorted(names) == ["day 1_A (2).png", "day 1_a.png"]
