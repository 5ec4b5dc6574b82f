"""Each error has the message that the OpenAPI document shows as its example."""

import json
import re
from collections.abc import Callable

import pytest
import yaml
from botocore.exceptions import EndpointConnectionError

from darkroom.aws.kms import Secrets
from tests.support.api_batches import enter
from tests.support.api_caller import Answer, Api
from tests.support.fakes.aws import STARTED, _Template
from tests.support.project import PROJECT
from tools.build.describe import OPENAPI_FILE

TASK = {"imageUrl": "https://example.com/a.jpg"}
HOOK = "https://example.com/hook"
LARGE = "data:image/png;base64," + "AAAA" * 400


def another_body(api: Api) -> Answer:
    key = {"Idempotency-Key": "order-4711"}
    api.post("/tasks", TASK, headers=key)
    return api.post("/tasks", TASK | {"name": "other"}, headers=key)


def pending(api: Api) -> str:
    return str(api.post("/tasks", TASK).body["links"]["self"])


def cancelled_twice(api: Api) -> Answer:
    place = pending(api)
    api.post(f"{place}/cancel")
    return api.post(f"{place}/cancel")


def ended(api: Api, **more: str) -> str:
    task = api.post("/tasks", TASK | more).body
    api.aws.store.cancel(task["taskId"], 1)
    return str(task["links"]["self"])


def running(api: Api, **more: str) -> str:
    task = api.post("/tasks", TASK | more).body
    api.aws.store.start(task["taskId"], 1, "arn:e", STARTED)
    return str(task["links"]["self"])


def deleted_and_sent_again(api: Api) -> Answer:
    key = {"Idempotency-Key": "order-4711"}
    task = api.post("/tasks", TASK, headers=key).body
    api.aws.store.cancel(task["taskId"], 1)
    api.call("DELETE", task["links"]["self"])
    return api.post("/tasks", TASK, headers=key)


def item_of_a_running_batch(api: Api) -> Answer:
    sent = api.post("/batches", {"sources": [TASK]}).body
    [task_id] = enter(api, sent, 1)
    api.aws.store.cancel(task_id, 1)
    return api.call("DELETE", f"/tasks/{task_id}")


def rotated_too_often(api: Api) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Secrets, "of", lambda *_: b"")
        for _ in range(4):
            api.post("/callback-secret/rotate")
        return api.post("/callback-secret/rotate")


def batch(api: Api) -> str:
    return str(api.post("/batches", {"sources": [TASK]}).body["links"]["self"])


def batch_cancelled_twice(api: Api) -> Answer:
    place = batch(api)
    api.post(f"{place}/cancel")
    return api.post(f"{place}/cancel")


def without_services(api: Api) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(api.module.index), "of_owner", unreachable)
        return api.get("/tasks")


def broken(api: Api) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.module, "tasks_response", lambda *_: 1 / 0)
        return api.get("/tasks")


def unreachable(*_: object, **__: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://dynamodb.example")


PROVOKED: dict[str, Callable[[Api], Answer]] = {
    "MalformedJson": lambda api: api.post("/tasks", "{"),
    "InvalidRequest": lambda api: api.post("/tasks", TASK | {"colour": "gray"}),
    "InvalidSource": lambda api: api.post("/tasks", {"imageUrl": "ftp://example.com/a.jpg"}),
    "InvalidSource-batch": lambda api: api.post(
        "/batches", {"sources": [TASK, {"imageUrl": "ftp://example.com/a.jpg"}]}
    ),
    "InvalidCursor": lambda api: api.get("/tasks", cursor="x"),
    "InvalidIdempotencyKey": lambda api: api.post(
        "/tasks", TASK, headers={"Idempotency-Key": "a b"}
    ),
    "TaskNotFound": lambda api: api.get("/tasks/00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"),
    "BatchNotFound": lambda api: api.get("/batches/00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"),
    "UploadNotFound": lambda api: api.post(
        "/batches",
        {"manifest": {"uploadId": "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807", "format": "csv"}},
    ),
    "UnsupportedCharset": lambda api: api.post(
        "/tasks", TASK, headers={"Content-Type": "application/json; charset=utf-16"}
    ),
    "MethodNotAllowed": lambda api: api.call("DELETE", "/tasks"),
    "IdempotencyConflict": another_body,
    "NotRetryable": lambda api: api.post(f"{pending(api)}/retry"),
    "NotRetryable-batch": lambda api: api.post(f"{batch(api)}/retry"),
    "NotCancellable": cancelled_twice,
    "NotCancellable-batch": batch_cancelled_twice,
    "AlreadyDeleted": deleted_and_sent_again,
    "NotDeletable": lambda api: api.call("DELETE", running(api)),
    "NotDeletable-batch": lambda api: api.call("DELETE", batch(api)),
    "BatchNotEnded": item_of_a_running_batch,
    "NoCallback": lambda api: api.post(f"{ended(api)}/callback"),
    "NotEnded": lambda api: api.post(f"{running(api, callbackUrl=HOOK)}/callback"),
    "TooManyRotations": rotated_too_often,
    "SourceTooLarge": lambda api: api.post("/tasks", {"imageUrl": LARGE}),
    "ServiceUnavailable": without_services,
    "InternalError": broken,
}
DOCUMENT = json.loads(OPENAPI_FILE.read_text("utf-8"))
EXAMPLES = {
    name: reported["value"] for name, reported in DOCUMENT["components"]["examples"].items()
}


def statuses(name: str) -> set[str]:
    """The statuses for which the OpenAPI document has an example."""
    shown = {"$ref": f"#/components/examples/{name}"}
    return {
        status
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        if shown in content.get("examples", {}).values()
    }


@pytest.mark.parametrize("name", PROVOKED)
def test_an_error_has_its_documented_message(api: Api, name: str) -> None:
    answer = PROVOKED[name](api)

    [status] = statuses(name)
    assert str(answer.status) == status or f"{answer.status // 100}XX" == status
    # The limit of bytes is a setting of the stack.
    reported, example = (re.sub(r"\d+", "#", json.dumps(b)) for b in (answer.body, EXAMPLES[name]))
    assert reported == example


def test_the_other_errors_have_the_messages_of_the_template() -> None:
    template = yaml.load((PROJECT / "template.yaml").read_text(), _Template)  # noqa: S506 - it is safe
    refusals = template["Resources"]["Api"]["Properties"]["GatewayResponses"].values()
    bodies = [refusal["ResponseTemplates"]["application/json"] for refusal in refusals]
    reported = [
        json.loads(body.replace("$context.error.messageString", '"Bad Request"')) for body in bodies
    ]

    others = {name: example for name, example in EXAMPLES.items() if name not in PROVOKED}
    assert len(others) > 4
    for name, example in others.items():
        assert example in reported, name
