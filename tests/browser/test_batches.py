"""Batches on the page: submitted as a list or a folder, watched, retried, cancelled, deleted."""

import csv
import io
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, LOOKS, PHONE, Caller, hide, serious_faults
from tests.support.project import PROJECT


def status(page: Page) -> Locator:
    return page.locator("#batch > header .status")


def rows(page: Page) -> Locator:
    return page.locator("main:not([hidden]) .listed-rows li")


def number(page: Page, name: str) -> Locator:
    """The number of tasks with a status, which is a link."""
    return page.get_by_role("navigation", name="Tasks by status").get_by_role("link", name=name)


def submit_list(page: Page, text: str, name: str = "") -> None:
    """Open the batches and submit a list, with the keyboard alone."""
    page.get_by_role("link", name="Batches", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Batches", exact=True)).to_be_focused()
    page.get_by_label("List:").fill(text)
    page.get_by_label("Name (optional)").fill(name)
    page.get_by_role("button", name="Submit the list").press("Enter")
    expect(page.locator("#batch-title")).to_be_focused()


def asked(page: Page) -> list[str]:
    """The requests that the page sends to the API from now on."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    return urls


def faults_of_looks(page: Page) -> list[str]:
    """What axe finds on a phone and on a desktop, light and dark; what is outside the screen."""
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += serious_faults(page)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{wide} px on a screen of {width}")
    return found


def test_a_list_is_submitted_its_failures_are_shown_and_retried_and_the_polling_ends(
    enter, caller: Caller, sources: Sources
):
    page = enter(DESK)
    listed = f"Name;imageUrl\r\nporto;{sources.url('/colour.png')}\r\n"
    listed += f"lisbon;{sources.url('/later/a.jpg')}\r\n;no address\r\n"
    submit_list(page, listed, "holiday")

    expect(page.get_by_role("heading", name="holiday")).to_be_visible()
    expect(status(page)).to_have_text("Completed")
    expect(number(page, "Completed")).to_have_text("Completed 1")
    expect(page.get_by_role("heading", name="Failed tasks")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("SourceNotFound in Download")
    expect(rows(page).last).to_contain_text("Line 4")
    assert faults_of_looks(page) == []

    # The address of the batch also works with a slash at the end, and its tasks link back to it.
    batch = re.search("#/batches/([^?]+)", page.url)[1]
    page.evaluate("location.hash += '/'")
    page.reload()
    expect(page.locator("#batch-title")).to_have_text("holiday")
    page.get_by_role("link", name="lisbon").click()
    page.get_by_role("link", name=batch).click()
    number(page, "All").press("Enter")
    expect(rows(page)).to_have_count(3)
    expect(number(page, "All")).to_be_focused()
    page.go_back()
    expect(rows(page)).to_have_count(2)

    sources.files["/later/a.jpg"] = JPEG
    page.get_by_role("button", name="Retry 2 tasks").press("Enter")
    expect(number(page, "Completed")).to_have_text("Completed 2")
    expect(status(page)).to_have_text("Completed")
    expect(rows(page)).to_have_count(1)

    page.clock.install()
    page.reload()
    expect(rows(page)).to_have_count(1)
    urls = asked(page)
    page.clock.fast_forward("10:00")
    assert urls == []

    page.get_by_role("link", name="All batches").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("3 tasks")
    assert faults_of_looks(page) == []
    rows(page).get_by_role("link").click()
    page.get_by_role("link", name="All batches").press("Enter")
    expect(rows(page).get_by_role("link")).to_be_focused()
    assert caller.http.get("/batches").json()["batches"][0]["batchId"] == batch


def test_a_folder_is_sent_again_where_it_failed_reported_and_deleted(
    enter, caller: Caller, tmp_path: Path, faults: list[str]
):
    folder = tmp_path / "trip"
    (folder / "day 1").mkdir(parents=True)
    shutil.copy(PROJECT / "docs" / "card.png", folder / "day 1" / "card.png")
    (folder / "=harbour.jpg").write_bytes(JPEG)
    for name in ("Thumbs.db", ".hidden.jpg"):
        (folder / name).write_bytes(JPEG)
    page = enter(PHONE, "dark")
    page.get_by_role("link", name="Batches", exact=True).click()
    refused = iter([True])

    def refuse_the_first(route: Any) -> None:
        if next(refused, False):
            message = {"error": {"code": "InvalidRequest", "message": "Not today."}}
            route.fulfill(status=400, json=message)
        else:
            route.continue_()

    page.route("**/uploads", refuse_the_first)
    page.get_by_label("Choose a folder").set_input_files(folder)
    line = page.locator("#batch-submissions > li")
    expect(line).to_contain_text("1 file could not be uploaded.")
    expect(line.get_by_role("listitem")).to_have_text(re.compile(r"\.(png|jpg): Not today\.$"))
    expect(page.get_by_text("2 files left out")).to_be_visible()
    assert caller.http.get("/batches").json()["batches"] == []

    line.get_by_role("button", name="Send 1 file again").press("Enter")

    expect(page.get_by_role("heading", name="trip")).to_be_visible()
    expect(number(page, "Completed")).to_have_text("Completed 2")
    expect(page.get_by_role("link", name="day 1/card.png")).to_be_visible()
    page.evaluate("window.showDirectoryPicker = () => navigator.storage.getDirectory()")
    page.get_by_role("button", name="Save 2 results").press("Enter")
    expect(page.locator(".saving")).to_contain_text("2 of 2 results saved in /trip ")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the report").click()
    assert saved.value.suggested_filename == "trip report.csv"
    report = list(csv.DictReader(io.StringIO(saved.value.path().read_text())))
    assert {row["name"] for row in report} == {"day 1/card.png", "'=harbour.jpg"}
    assert {row["status"] for row in report} == {"COMPLETED"}

    delete = page.get_by_role("button", name="Delete the batch")
    delete.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete trip?")
    expect(dialog).to_contain_text("its 2 tasks, their results")
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    expect(delete).to_be_focused()
    delete.press("Enter")
    dialog.get_by_role("button", name="Delete the batch").press("Enter")
    expect(
        page.get_by_text("This batch, its tasks and their results were deleted.")
    ).to_be_visible()
    assert caller.http.get("/tasks").json()["tasks"] == []
    assert all("400" in fault or "404" in fault for fault in faults)
    faults.clear()


def test_a_running_batch_is_polled_only_while_visible_and_can_be_cancelled(
    enter, sources: Sources, faults: list[str]
):
    page = enter(DESK)
    page.clock.install()
    page.reload()
    submit_list(page, sources.url("/held/slow.jpg"))
    expect(number(page, "Running")).to_have_text("Running 1")
    with page.expect_response("**/batches/*"):  # no request is in flight when the tab is hidden
        pass
    hide(page, hidden=True)
    urls = asked(page)
    page.clock.fast_forward("10:00")
    assert urls == []
    hide(page, hidden=False)
    with page.expect_response("**/batches/*"):
        pass
    assert urls

    # A refusal is shown as a message, which stays while the page keeps polling.
    conflict = {"error": {"code": "NotCancellable", "message": "This batch has ended."}}
    page.route("**/cancel", lambda route: route.fulfill(status=409, json=conflict))
    cancel = page.get_by_role("button", name="Cancel the batch")
    cancel.press("Enter")
    alert = page.get_by_role("alert").filter(has_text="This batch has ended.")
    for _ in range(2):
        with page.expect_response("**/batches/*"):
            expect(alert).to_be_visible()
    expect(cancel).to_be_focused()
    page.unroute("**/cancel")
    cancel.press("Enter")
    expect(status(page)).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Retry 1 task")).to_be_visible()
    sources.held["/held/slow.jpg"].set()
    assert all("409" in fault for fault in faults)
    faults.clear()


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="`make screenshots` takes them")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots_of_a_batch_are_taken(enter, sources: Sources, scheme: str):
    names = [f"/day-{day}/IMG_{day}00{number}.jpg" for day in (1, 2) for number in range(9)]
    sources.files |= dict.fromkeys(names, JPEG)
    sources.files["/day-3/notes.jpg"] = sources.files["/text.jpg"]
    sources.files["/day-3/harbour.jpg"] = sources.files["/truncated.jpg"]
    names += ["/day-3/notes.jpg", "/missing/lisbon.jpg", "/day-3/harbour.jpg"]
    page = enter(1120, scheme, device_scale_factor=1.5)
    submit_list(page, "\n".join(map(sources.url, names)), "Holiday in Portugal")
    expect(status(page)).to_have_text("Completed")
    expect(rows(page)).to_have_count(3)
    place = PROJECT / "docs" / f"page-batch-{scheme}.webp"
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.save(place, "WEBP", quality=88, method=6)


LISTS = [
    (
        "https://a/1.png\n\n https://a/2.png ",
        "jsonl",
        '{"imageUrl":"https://a/1.png"}\n\n{"imageUrl":"https://a/2.png"}',
    ),
    ("https://a/?imageUrl", "jsonl", '{"imageUrl":"https://a/?imageUrl"}'),
    ("sep=;\nname;imageurl\nx;https://a", "csv", "sep=;\nname;imageurl\nx;https://a"),
    ('"imageUrl"\tname\nhttps://a\tx', "csv", '"imageUrl"\tname\nhttps://a\tx'),
    ('{"imageUrl": "a"}\n{"uploadId": "b"}', "jsonl", '{"imageUrl": "a"}\n{"uploadId": "b"}'),
    ('["a", {"imageUrl": "b"}]', "jsonl", '{"imageUrl":"a"}\n{"imageUrl":"b"}'),
    ('{"sources": [{"imageUrl": "a"}], "name": "n"}', "jsonl", '{"imageUrl":"a"}'),
]


def test_a_list_is_recognised_by_its_beginning_and_broken_json_is_refused(visit):
    page = visit()
    page.evaluate("""async () => {
      const main = document.querySelector("script[src]").src;
      window.lists = await import(new URL("batches/lists.js", main));
    }""")
    for text, form, content in LISTS:
        read = page.evaluate("text => window.lists.manifestOf(text)", text)
        assert (read["format"], read["content"]) == (form, content)
        assert read["options"] == ({"name": "n"} if "sources" in text else {})
    refusal = page.evaluate("""() => {
      try { return window.lists.manifestOf('[{"imageUrl": "a"},'); } catch (e) { return e.message; }
    }""")
    assert refusal.startswith("This list is not valid JSON: ")
