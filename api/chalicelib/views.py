"""A task and a batch as clients see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.aws.console_links import execution_url
from darkroom.aws.s3 import Bucket
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches import model as batches
from darkroom.tasks.file_names import content_disposition, result_name
from darkroom.tasks.model import allowed

Json = dict[str, Any]

NO_CONSOLE = "none"
TASK_PAGE = "{task}"
"""In the address of a page that takes the place of a console: the path of the task's page."""


@dataclass(frozen=True)
class Views:
    """Makes the views of tasks and batches."""

    bucket: Bucket
    """Holds the results; each view gets a new link."""
    console_url: str
    """Prefix of an execution's ARN in the console; "" for the AWS console; `NO_CONSOLE`; or with
    `TASK_PAGE`."""
    batch_machine: StateMachine
    """The state machine of batches."""

    def task(self, item: dict[str, Any], root: str) -> dict[str, Any]:
        """Return the view of a task's item, with links below `root`: see `root_of`."""
        path = f"{root}/tasks/{item['taskId']}"
        return {
            "taskId": item["taskId"],
            "name": item.get("name"),
            "batchId": item.get("batchId"),
            "status": item["status"],
            "attempt": item["attempt"],
            "source": _source(item["source"]),
            "output": item["output"],
            "createdAt": item["createdAt"],
            "startedAt": item.get("startedAt"),
            "completedAt": item.get("completedAt"),
            "result": self._result(item),
            "failure": item.get("failure"),
            "callback": _callback(item),
            "execution": self.execution(item, item.get("execution"), root),
            "links": {
                "self": path,
                "retry": f"{path}/retry" if allowed("retry", item["status"]) else None,
                "cancel": f"{path}/cancel" if allowed("cancel", item["status"]) else None,
            },
        }

    def execution(self, item: dict[str, Any], arn: str | None, root: str) -> Json | None:
        """Return the view of an execution of a task; None if it has none."""
        started = item.get("startedAt") or item["createdAt"]
        return self._execution(arn, started, f"{root}/#/tasks/{item['taskId']}")

    def batch(self, item: dict[str, Any], counts: batches.Counts, root: str) -> dict[str, Any]:
        """Return the view of a batch's item with its counts, and links below `root`."""
        return {
            **self.batch_summary(item, root),
            "total": batches.total_of(item, counts),
            "counts": counts,
            "deleted": batches.deleted_of(item, counts),
        }

    def batch_summary(self, item: dict[str, Any], root: str) -> dict[str, Any]:
        """Return the view of a batch's item in a list, which does not count its tasks."""
        path = f"{root}/batches/{item['batchId']}"
        name = batches.execution_name(item["batchId"], item["run"])
        retryable = batches.allowed("retry", item["status"]) and not batches.is_deleting(item)
        return {
            "batchId": item["batchId"],
            "name": item.get("name"),
            "status": item["status"],
            "toleratedFailurePercentage": item["toleratedFailurePercentage"],
            "createdAt": item["createdAt"],
            "completedAt": item.get("completedAt"),
            "total": batches.remaining_total(item) if "total" in item else None,
            "deleted": item.get("deleted", 0),
            "deletionRequestedAt": item.get("deletionRequestedAt"),
            "failure": item.get("failure"),
            "execution": self._execution(self.batch_machine.arn_of(name), item["startedAt"]),
            "links": {
                "self": path,
                "tasks": f"{path}/tasks",
                "cancel": f"{path}/cancel" if batches.allowed("cancel", item["status"]) else None,
                "retry": f"{path}/retry" if retryable else None,
            },
        }

    def _result(self, item: dict[str, Any]) -> dict[str, Any] | None:
        result = item.get("result")
        if not result:
            return None
        extension = result["key"].rpartition(".")[2]
        name = content_disposition(result_name(item, extension))
        link = self.bucket.link(result["key"], name)
        return link | {name: value for name, value in result.items() if name != "key"}

    def _execution(self, arn: str | None, started: str, page: str | None = None) -> Json | None:
        if not arn:
            return None
        if TASK_PAGE in self.console_url:  # the page of a batch shows no execution
            url = page and self.console_url.replace(TASK_PAGE, page)
        elif self.console_url == NO_CONSOLE:
            url = None
        else:
            url = self.console_url + arn if self.console_url else execution_url(arn, started)
        return {"arn": arn, "consoleUrl": url}


def root_of(context: Mapping[str, Any]) -> str:
    """Return the path prefix of all routes, as the client of a request sees it: `/v1`.

    It is the stage, or the base path of a custom domain, which may be empty. A link that begins
    with it resolves against the URL of any request (RFC 3986, 4.2 and 5.2).

    Args:
        context: of the request. `path` is the whole path, `resourcePath` the path of the route
            (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html).
    """
    segments = context["resourcePath"].count("/")
    path: str = context["path"].rstrip("/")
    return path.rsplit("/", segments)[0]


def _callback(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return the URL for the webhook, and the outcome of its last delivery."""
    if "callbackUrl" not in item:
        return None
    return {"url": item["callbackUrl"], "delivery": item.get("delivery")}


def _source(source: dict[str, Any]) -> dict[str, Any]:
    """Return the source that the client sent. The bytes of a data URL are left out."""
    if "object" in source and "imageUrl" not in source:
        folder, _owner, name = source["object"].split("/", 2)
        return {"uploadId" if folder == "uploads" else "object": name}
    if "line" in source:
        return {name: source[name] for name in ("line", "lineNumber") if name in source}
    # Tasks that were stored before an upload's key contained its owner have an `uploadId`.
    kind = "imageUrl" if "imageUrl" in source else "uploadId"
    return {kind: source[kind]}
