"""What people do with the page."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from darkroom.errors import SourceNotFound
from tests.support.cloud.stacks import ORDER
from tests.support.fakes.sources import JPEG, Sources
from tests.support.page import DESK, PHONE, hide
from tests.support.project import PROJECT

DOCS = PROJECT / "docs"
# Records the states that each card had. A reload would delete the record.
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const card of document.querySelectorAll(".card")) {
      const states = (window.seen[card.ariaLabel] ??= []);
      const state = card.querySelector(".status").textContent.toUpperCase();
      if (states.at(-1) !== state) states.push(state);
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def develop(page: Page, *urls: str) -> None:
    page.get_by_label("Image URLs, one per line").fill("\n".join(urls))
    page.get_by_role("button", name="Submit the URLs").click()


def parted(page: Page, name: str) -> str:
    """Where the line between before and after is."""
    figure = card(page, name).locator(".compare")
    return str(figure.evaluate("figure => figure.style.getPropertyValue('--before')"))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_two_files_and_a_bad_url_are_shown_to_their_end_and_the_failure_is_fixed(
    enter, pictures: list[Path], sources: Sources, width: int
):
    mended, held = f"/mended-{width}.jpg", f"/held/slow-{width}.jpg"
    page = enter(width)
    page.evaluate(WATCH)

    page.get_by_label("Drop images here").set_input_files(pictures)
    develop(page, sources.url(mended), sources.url(held))
    bad, slow = card(page, mended[1:]), card(page, held.rpartition("/")[2])
    expect(slow.locator(".status")).to_have_text("Running")
    sources.held[held].set()
    for name in [path.name for path in pictures]:
        expect(card(page, name).locator(".status")).to_have_text("Completed")
    expect(slow.locator(".status")).to_have_text("Completed")
    expect(bad.locator(".status")).to_have_text("Failed")

    # The states came in order, and no reload has cleared what was recorded.
    seen = page.evaluate("window.seen")
    assert len(seen) == 4
    assert seen[f"slow-{width}.jpg"] == ORDER
    for states in seen.values():
        assert states == sorted(states, key=[*ORDER, "FAILED"].index)

    # The slider can be moved with the keyboard and with the pointer.
    slider = card(page, "test card.png").get_by_role("slider")
    slider.focus()
    assert parted(page, "test card.png") == "50%"
    slider.press("ArrowLeft")
    assert parted(page, "test card.png") == "49%"
    slider.press("End")
    assert parted(page, "test card.png") == "100%"
    box = card(page, "test card.png").locator(".compare").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3)
    assert parted(page, "test card.png") == "25%"

    # The failing step is marked, with the reason in the words of the documentation.
    expect(bad.locator(".state.failed")).to_contain_text("Download")
    meaning = re.search(
        r"^\| `SourceNotFound` .*\| (.+) \|$", (DOCS / "errors.md").read_text(), re.M
    )
    expect(bad.locator(".meaning")).to_have_text(meaning[1].replace("`", ""))
    expect(bad.locator(".error")).to_contain_text(SourceNotFound.__name__)
    expect(bad.get_by_text("Attempt 1")).to_be_visible()

    sources.files[mended] = JPEG
    bad.get_by_role("button", name="Retry").click()
    expect(bad.locator(".status")).to_have_text("Completed")
    expect(bad.get_by_text("Attempt 2")).to_be_visible()
    expect(bad.locator("img.before")).to_have_js_property("naturalWidth", 320)

    # Nothing is outside the screen.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_task_can_be_cancelled(enter, sources: Sources):
    page = enter()
    develop(page, sources.url("/held/cancelled.jpg"))
    held = card(page, "cancelled.jpg")
    expect(held.locator(".status")).to_have_text("Running")
    # It is running, and the local cloud has no console to link to.
    expect(held.get_by_role("link", name="Execution")).to_have_count(0)

    held.get_by_role("button", name="Cancel").click()

    expect(held.locator(".status")).to_have_text("Cancelled")
    expect(held.get_by_role("button", name="Retry")).to_be_visible()
    sources.held["/held/cancelled.jpg"].set()


def test_the_list_is_filtered_by_status_and_name_and_goes_on_by_pages(
    enter, caller, sources: Sources
):
    for number in range(21):
        body = {"imageUrl": sources.url("/colour.png"), "name": f"print {number}"}
        assert caller.http.post("/tasks", json=body).status_code == 202
    page = enter()
    cards = page.get_by_role("article")
    expect(cards).to_have_count(20)

    page.get_by_role("button", name="Older tasks").click()
    expect(cards).to_have_count(21)
    expect(cards.last).to_have_attribute("aria-label", "print 0")
    expect(page.get_by_role("button", name="Older tasks")).to_be_hidden()

    page.get_by_label("Find a task").fill("print 7")
    page.get_by_label("Find a task").press("Enter")
    expect(cards).to_have_count(1)
    page.get_by_label("Status", exact=True).select_option("Cancelled")
    expect(page.get_by_text("No task matches.")).to_be_visible()


def test_an_unchanged_answer_is_not_sent_again(enter, sources: Sources):
    page = enter()
    answers: list[int] = []
    page.on("response", lambda a: answers.append(a.status) if "/tasks?" in a.url else None)
    develop(page, sources.url("/held/watched.jpg"))
    expect(card(page, "watched.jpg").locator(".status")).to_have_text("Running")

    with page.expect_response(lambda answer: "/tasks?" in answer.url and answer.status == 304):
        pass

    sources.held["/held/watched.jpg"].set()
    expect(card(page, "watched.jpg").locator(".status")).to_have_text("Completed")
    assert set(answers) == {200, 304}


def test_a_hidden_tab_sends_no_requests_until_it_is_visible(enter, sources: Sources):
    page = enter()
    page.clock.install()
    page.reload()
    develop(page, sources.url("/held/unseen.jpg"))
    status = card(page, "unseen.jpg").locator(".status")
    expect(status).to_have_text("Running")
    with page.expect_response("**/tasks?*"):  # no request is in flight when the tab is hidden
        pass
    hide(page, hidden=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.clock.fast_forward("10:00")

    assert asked == []
    hide(page, hidden=False)
    sources.held["/held/unseen.jpg"].set()
    expect(status).to_have_text("Completed")
    assert asked


def test_the_key_is_kept_for_the_session_and_forgotten_when_asked(enter):
    page = enter()
    page.reload()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    assert page.evaluate("localStorage.length + document.cookie.length") == 0

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("API key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


def test_an_unknown_key_gives_no_access_and_is_not_stored(visit, faults: list[str]):
    page = visit()
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_have_text("The API key is not valid.")
    expect(page.get_by_role("heading", name="Tasks")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0
    assert "403" in faults.pop()  # the browser logs this for every refused request


def test_a_file_that_is_not_an_image_is_reported_where_it_was_given(enter, tmp_path: Path):
    (tmp_path / "letter.txt").write_text("Dear reader")
    page = enter()
    page.get_by_label("Drop images here").set_input_files(tmp_path / "letter.txt")
    line = page.get_by_role("listitem").filter(has_text="letter.txt")
    expect(line).to_contain_text("This file is not an image.")
    line.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)


def test_images_are_pasted_and_dropped_anywhere(enter):
    page = enter()
    for kind, field in [("paste", "clipboardData"), ("drop", "dataTransfer")]:
        page.evaluate(
            """async ([kind, field]) => {
              const canvas = new OffscreenCanvas(8, 8);
              canvas.getContext("2d").fillRect(0, 0, 4, 4);
              const data = new DataTransfer();
              data.items.add(new File([await canvas.convertToBlob()], `${kind}.png`,
                { type: "image/png" }));
              const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
              document.body.dispatchEvent(new Kind(kind, { [field]: data, bubbles: true }));
            }""",
            [kind, field],
        )
        expect(card(page, f"{kind}.png").locator(".status")).to_have_text("Completed")


def call(page: Page, module: str, expression: str) -> Any:
    """Evaluate an expression with the names of one of the page's modules."""
    script = f"""async () => {{
      const main = document.querySelector("script[src]").src;
      const module = await import(new URL("{module}", main));
      return {expression};
    }}"""
    return page.evaluate(script)


def test_the_page_knows_every_error_of_the_documentation(visit):
    known = call(visit(), "errors.js", "[...(await module.readErrors()).keys()]")
    documented = re.findall(r"^\| `(\w+)`", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert set(documented) < set(known)
    assert {"States.Timeout", "Runtime.ExitError"} <= set(known)


@pytest.mark.parametrize(
    ("step", "error", "times"),
    [
        ("Download", "SourceUnavailable", 4),
        ("Download", "SourceNotFound", 1),
        ("reconcile", "X", 1),
    ],
)
def test_a_step_that_gave_up_was_tried_as_often_as_the_machine_says(
    visit, step: str, error: str, times: int
):
    expression = f'module.attempts(await module.readMachine(), "{step}", "{error}")'
    assert call(visit(), "machine.js", expression) == times
