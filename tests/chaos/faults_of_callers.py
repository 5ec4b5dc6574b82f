"""Slow sources and receivers of one caller may delay this caller, and no other one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.scene import Fault, Scene
from tests.support.cloud.stacks import until
from tests.support.fakes.receivers import Receiver

SLOW_WEBHOOKS = 64
"""Four times as many as the local cloud delivers at once."""
DELIVERY_SECONDS = 15
"""For so long Darkroom waits for the answer of a receiver."""
HELD = 12
"""Of the 16 downloads that the local cloud runs at once while all of them wait."""
SOON = 10
"""Seconds in which anything of a caller is done when nobody is in the way."""


def slow_receivers(scene: Scene) -> None:
    """The receivers of one caller never answer; webhooks of another caller are still delivered.

    Its first webhook waits for one delivery at most: there is always one that ends within 15 s.
    """
    rig = scene.rig
    with _receiver(scene) as slow, _receiver(scene, rig.another_key) as quick:
        for number in range(SLOW_WEBHOOKS):
            scene.submit("/colour.jpg", "COMPLETED", callback=slow.url(f"/silent/{number}"))
        until(lambda: len(slow.received) >= HELD, 60, "the slow ones occupy the deliveries")
        quiet = [quick.url(f"/{number}") for number in range(scene.count // 4)]
        for url in quiet:
            scene.submit("/colour.jpg", "COMPLETED", callback=url, api_key=rig.another_key)
        began = time.monotonic()
        until(
            lambda: len(quick.received) == len(quiet),
            60,
            "all webhooks of the other caller have arrived",
        )
        _require_soon(scene, began, DELIVERY_SECONDS + SOON, "webhooks of another caller")
        scene.struck += len(slow.received)
        slow.over.set()
        until(
            lambda: len(slow.received) == SLOW_WEBHOOKS,
            60,
            "all webhooks of the slow caller have arrived",
        )
        until(lambda: not rig.stack.depth("CallbackQueueUrl"), 60, "no webhook waits any more")


def slow_sources(scene: Scene) -> None:
    """The sources of one caller hang; tasks of another caller still end."""
    scene.held(HELD, "COMPLETED")
    until(lambda: scene.asked("/held/") >= HELD, 60, "the slow sources are requested")
    began = time.monotonic()
    quick = set(scene.mixed(scene.count // 2, api_key=scene.rig.another_key))

    def ended() -> bool:
        return all("active" not in item for item in scene.items() if item["taskId"] in quick)

    until(ended, 60, "all tasks of the other caller have ended")
    _require_soon(scene, began, 2 * SOON, "tasks of another caller")
    scene.struck += HELD


def _require_soon(scene: Scene, began: float, seconds: float, what: str) -> None:
    taken = time.monotonic() - began
    if taken > seconds:
        scene.wrong.append(f"{what} took {taken:.1f} s, not {seconds} s")


@contextmanager
def _receiver(scene: Scene, api_key: str = "") -> Iterator[Receiver]:
    """Receive the webhooks of a caller."""
    http = scene.rig.stack.http
    headers = {"x-api-key": api_key} if api_key else {}

    def secret() -> str:
        return str(http.get("/callback-secret", headers=headers).json().get("secret", ""))

    receiver = Receiver(until(secret, 30, "the caller's secret is known"))
    try:
        yield receiver
    finally:
        receiver.close()


FAULTS = [
    Fault("one caller's receivers are slow", slow_receivers),
    Fault("one caller's sources are slow", slow_sources),
]
