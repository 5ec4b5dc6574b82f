"""The page of a task that is missing or cannot be read, or whose history is."""

from playwright.sync_api import Route, expect

from tests.support.cloud.stacks import until
from tests.support.page import box, ended, go


def test_the_history_is_not_polled_once_the_task_has_ended(enter, submit):
    task_id = submit("/status/404/quiet.jpg")
    page = enter()
    page.clock.install()
    page.reload()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    go(page, task_id)
    expect(page.locator(".graph .box.failed")).to_be_visible()

    page.clock.run_for(600_000)

    assert [url.rpartition("/tasks/")[2] for url in asked if "/tasks/" in url] == [
        task_id,
        f"{task_id}/history",
    ]


HISTORY = {
    "attempt": 1,
    "execution": None,
    "status": None,
    "states": [],
    "events": [],
    "complete": True,
    "missing": {"code": "Expired", "message": "AWS no longer has the history."},
}


def test_a_deleted_history_is_reported_and_the_failure_is_still_explained(enter, submit):
    task_id = submit("/status/404/old.jpg")
    page = enter()
    page.route("**/history", lambda route: route.fulfill(json={"taskId": task_id, **HISTORY}))

    task = go(page, task_id)

    expect(task.get_by_text("AWS no longer has the history.")).to_be_visible()
    expect(task.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()
    expect(task.get_by_text("Check the URL, or upload the file again.")).to_be_visible()


def test_the_page_says_why_the_webhook_did_not_arrive(enter, submit):
    task_id = submit("/status/404/called-back.jpg")
    delivery = {"delivered": False, "tries": 2, "message": "The receiver answered 501."}
    page = enter()

    def reply(route: Route) -> None:
        callback = {"url": "https://example.com/hook", "delivery": delivery}
        route.fulfill(json=route.fetch().json() | {"callback": callback})

    page.route(f"**/tasks/{task_id}", reply)

    task = go(page, task_id)

    reason = "Webhook not delivered in 2 tries: The receiver answered 501."
    expect(task.get_by_text(reason)).to_be_visible()


def test_the_page_says_that_the_history_of_an_attempt_is_not_kept(enter, submit, caller):
    task_id = submit("/status/404/early.jpg")
    caller.http.post(f"/tasks/{task_id}/retry").raise_for_status()
    until(lambda: ended(caller, task_id), 60, "the second attempt ends")
    page = enter()
    reported = {"code": "NotKept", "message": "Only the last execution is known."}
    page.route(
        "**/history?attempt=1",
        lambda route: route.fulfill(json={"taskId": task_id, **HISTORY, "missing": reported}),
    )

    task = go(page, task_id, "?attempt=1")

    verdict = task.locator(".verdict")
    expect(verdict.get_by_text("Only the last execution is known.")).to_be_visible()
    expect(verdict).to_contain_text("This was attempt 1 of 2. The last attempt is failed.")
    verdict.get_by_role("link", name="The last attempt is failed.").click()
    expect(task.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()


def test_a_task_that_does_not_exist_has_a_message_and_a_link_back(enter, faults: list[str]):
    page = enter()
    page.evaluate("location.hash = '#/tasks/00000000-0000-4000-8000-000000000000'")
    expect(page.get_by_role("alert").get_by_text("You have no task with this id.")).to_be_visible()
    page.get_by_role("link", name="All tasks").click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    assert all("404" in fault for fault in faults)
    faults.clear()


def test_a_history_that_cannot_be_read_is_asked_for_again(enter, submit, faults: list[str]):
    task_id = submit("/status/404/busy.jpg")
    page = enter()
    answers = [503, 200]

    def reply(route: Route) -> None:
        if answers.pop(0) == 200:
            route.continue_()
            return
        error = {"code": "ServiceUnavailable", "message": "Try again."}
        route.fulfill(status=503, json={"error": error}, headers={"Retry-After": "1"})

    page.route("**/history", reply)
    page.evaluate("place => { location.hash = place; }", f"#/tasks/{task_id}")
    expect(page.get_by_role("heading", name="Download failed: SourceNotFound")).to_be_visible()
    expect(box(page, "TaskFailed")).to_have_class("box failed")
    assert all("503" in fault for fault in faults)
    faults.clear()
