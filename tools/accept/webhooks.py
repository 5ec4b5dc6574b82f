"""The webhook of a task: signed, delivered, and verified by a receiver."""

from tools.accept import pictures, receiver
from tools.accept.report import Broken
from tools.accept.sites import Sites, receiver_of
from tools.accept.subject import Subject, data_url

DELIVERY_SECONDS = 90.0
"""A new function URL may fail at first: Darkroom tries again after 5 and after 35 seconds."""


def check_webhook(subject: Subject, sites: Sites) -> str:
    """The receiver verifies the signature with the secret of `GET /callback-secret`.

    Raises:
        NotChecked: no receiver can be made.
    """
    subject.require_not_stuck()
    with receiver_of(subject, sites) as url:
        source = data_url(pictures.picture("PNG"), "image/png")
        (task,) = subject.ended([subject.task(source, callbackUrl=url)])

        def look() -> tuple[int | None, object]:
            callback = subject.client.task(task["taskId"])["callback"]
            delivery = callback and callback["delivery"]
            if not delivery:
                return None, "no try to deliver it"
            final = delivery["delivered"] or delivery["status"] == receiver.REFUSED
            return (delivery["status"] if final else None), delivery["message"]

        status = subject.until("a webhook is delivered", DELIVERY_SECONDS, look)
    if status != receiver.VERIFIED:
        raise Broken(
            f"a signature that the caller's secret verifies ({receiver.VERIFIED})",
            f"the receiver answered {status}",
        )
    return f"delivered; the receiver has verified its signature ({status})"
