"""The polling that all views of the page share, with a clock that the test moves."""

from playwright.sync_api import Page

from tests.support.page import hide

START = """async (pauses) => {
  const { Poll } = await import(new URL("poll.js", document.querySelector("script[src]").src));
  window.asked = 0;
  window.failed = 0;
  const read = async () => {
    window.asked += 1;
    if (window.held) await new Promise((done) => { window.release = done; });
    const pause = pauses.shift();
    if (typeof pause === "object" && pause) throw pause;
    return pause;
  };
  window.poll = new Poll(read, () => { window.failed += 1; });
  window.poll.now();
}"""


def asked(page: Page, seconds: float) -> int:
    """Let time pass, and return how many requests there have been since the start."""
    page.clock.run_for(round(seconds * 1000))
    return int(page.evaluate("window.asked"))


def start(page: Page, *pauses: float | dict[str, float] | None) -> None:
    page.evaluate(START, list(pauses))


def test_a_poll_waits_for_the_returned_pause_and_ends_without_one(visit):
    page = visit()
    page.clock.install()
    start(page, 0, 20, 1000, None)
    assert [asked(page, 0.4), asked(page, 0.2)] == [1, 2]  # never sooner than half a second
    assert [asked(page, 19), asked(page, 1)] == [2, 3]
    assert [asked(page, 295), asked(page, 6)] == [3, 4]  # never later than five minutes
    assert asked(page, 1000) == 4


def test_a_poll_continues_after_errors_and_stops_while_the_tab_is_hidden(visit):
    page = visit()
    page.clock.install()
    start(page, {}, {"retryAfter": 30}, 1, 1)
    assert [asked(page, 4.5), asked(page, 1)] == [1, 2]
    assert [asked(page, 28), asked(page, 2)] == [2, 3]
    assert page.evaluate("window.failed") == 2
    hide(page, hidden=True)
    assert asked(page, 100) == 3
    hide(page, hidden=False)
    assert asked(page, 0) == 4


def test_a_poll_comes_soon_when_asked_also_after_a_pending_request(visit):
    page = visit()
    page.clock.install()
    start(page, 30, 30, 30, 30)
    assert asked(page, 1) == 1
    page.evaluate("window.poll.soon(); window.poll.soon()")
    page.evaluate("window.held = true")
    assert asked(page, 0.6) == 2
    page.evaluate("window.poll.soon()")
    assert asked(page, 5) == 2  # its result is still wanted
    page.evaluate("window.held = false; window.release()")
    assert [asked(page, 0.6), asked(page, 25)] == [3, 3]
    page.evaluate("window.poll.stop(); window.poll.soon()")
    assert asked(page, 100) == 3
