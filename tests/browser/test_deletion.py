"""Deletion on the page: it asks first, shows what was refused, and the tasks are gone."""

import re

from playwright.sync_api import Page, expect

from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, PHONE, Caller, go, serious_faults


def left(caller: Caller) -> list[str]:
    return [task["source"]["imageUrl"] for task in caller.http.get("/tasks").json()["tasks"]]


def asked(page: Page, heading: str) -> None:
    dialog = page.get_by_role("dialog", name=heading)
    expect(dialog).to_contain_text("the record, the result and the source")
    expect(dialog).to_contain_text("This is final.")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()


def test_a_task_is_deleted_on_its_page_and_its_address_says_so(
    enter, caller: Caller, submit, faults: list[str]
):
    task_id = submit("/colour.png")
    page = enter(PHONE, "dark")
    task = go(page, task_id)
    button = task.get_by_role("button", name="Delete")
    button.focus()
    page.keyboard.press("Enter")
    asked(page, "Delete colour.png?")
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    button.click()
    asked(page, "Delete colour.png?")
    page.evaluate("location.hash = '#/'")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert left(caller) != []

    go(page, task_id)
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator("#tasks")).to_be_focused()
    expect(page.get_by_text("No tasks yet.")).to_be_visible()
    assert left(caller) == []
    page.go_back()
    expect(page.get_by_role("alert").get_by_text("You have no task with this id.")).to_be_visible()
    expect(page.get_by_role("alert").get_by_text("It was deleted")).to_be_visible()
    assert all("404" in fault for fault in faults)
    faults.clear()


def test_selected_tasks_are_deleted_and_those_that_have_not_ended_stay(
    enter, caller: Caller, submit, sources: Sources
):
    sources.files["/held/runs.jpg"] = JPEG
    for path in ("/status/404/one.jpg", "/status/404/two.jpg", "/status/404/three.jpg"):
        submit(path)
    submit("/held/runs.jpg", ends=False)
    page = enter(DESK, "light")
    page.get_by_role("button", name="Rows").click()
    expect(page.locator(".card.failed h3")).to_have_count(3)
    page.get_by_role("button", name="Delete three.jpg").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("article", name="three.jpg")).to_have_count(0)
    expect(page.get_by_role("article", name="two.jpg")).to_be_focused()

    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Delete 2").click()
    asked(page, "Delete 2 tasks?")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_have_text(["two.jpg", "one.jpg"])
    expect(dialog).to_contain_text("1 selected task cannot be deleted yet")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.locator("#bulk-result")).to_have_text("2 deleted.")
    expect(page.get_by_role("article")).to_have_count(1)
    assert [url.rpartition("/")[2] for url in left(caller)] == ["runs.jpg"]
    sources.held["/held/runs.jpg"].set()


def test_a_refusal_is_shown_as_a_message_and_the_task_stays(
    enter, caller: Caller, submit, sources: Sources, faults: list[str]
):
    task_id = submit("/held/again.jpg", ends=False)
    caller.http.post(f"/tasks/{task_id}/cancel").raise_for_status()
    page = enter()
    card = page.get_by_role("article", name="again.jpg")
    delete = card.get_by_role("button", name="Delete")
    expect(delete).to_be_visible()
    # Somebody else retries it, which the page does not know yet.
    caller.http.post(f"/tasks/{task_id}/retry").raise_for_status()

    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    reported = card.get_by_role("alert")
    expect(reported).to_have_text(
        re.compile("^Only a task that has ended can be deleted; .* Cancel it")
    )
    expect(card.locator(".status")).to_have_text("Running")
    expect(reported).to_be_visible()
    assert len(left(caller)) == 1
    sources.held["/held/again.jpg"].set()
    assert all("409" in fault for fault in faults)
    faults.clear()
