"""`/batches` of the fake API: each time a batch is read, some of its tasks end."""

import json
import threading
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

if TYPE_CHECKING:
    from fake_api import Api

PAGE = 100
STATUSES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED")


class Batches:
    """Tasks fail whose URL says `missing` or whose upload is not an image."""

    def __init__(self, api: "Api") -> None:
        self.api = api
        self.bodies: list[dict[str, Any]] = []
        self.by_key: dict[str, tuple[dict[str, Any], str]] = {}
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.pace = 70
        """Tasks that end whenever somebody looks at the batch."""
        self.actions: list[str] = []
        self.shown = threading.Event()
        """Set once somebody has looked at the tasks of a batch."""
        server = api.server
        server.expect_request("/dev/batches", method="POST").respond_with_handler(self.take)
        server.expect_request("/dev/batches", method="GET").respond_with_handler(self.list)

    def take(self, request: Request) -> Response:
        body, key = request.get_json(), request.headers["Idempotency-Key"]
        self.bodies.append(body)
        if key in self.by_key:
            known, batch_id = self.by_key[key]
            if known != body:
                return self.refuse(409, "IdempotencyConflict", "Another request.")
            return self.api.answer(self.views[batch_id], 202)
        items = self.read(body)
        for number, item in enumerate(body.get("sources", [])):
            if "refused" in item.get("imageUrl", ""):
                field = f"sources.{number}.imageUrl"
                return self.refuse(400, "InvalidSource", "This URL is not allowed.", field)
        batch_id = f"b{len(self.views) + 1}"
        self.by_key[key] = (body, batch_id)
        self.start(batch_id, items, body.get("name"))
        return self.api.answer(self.views[batch_id], 202)

    def read(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        if "sources" in body:
            return list(body["sources"])
        _, data = self.api.uploads[body["manifest"]["uploadId"]]
        return [json.loads(line) for line in data.splitlines()]

    def start(self, batch_id: str, items: list[dict[str, Any]], name: str | None) -> None:
        self.items[batch_id] = [
            self.api.add(f"{batch_id}-{number}", **self.like(item, number + 1), status="PENDING")
            for number, item in enumerate(items)
        ]
        self.views[batch_id] = {
            "batchId": batch_id,
            "name": name,
            "status": "RUNNING",
            "createdAt": "2026-11-25T01:02:03.000Z",
            "completedAt": None,
            "total": len(items),
            "counts": {**dict.fromkeys(STATUSES, 0), "PENDING": len(items)},
            "failure": None,
            "deleted": 0,
            "deletionRequestedAt": None,
        }
        place = f"/dev/batches/{batch_id}"
        expect = self.api.server.expect_request
        expect(place, method="GET").respond_with_handler(self.look)
        expect(f"{place}/tasks", method="GET").respond_with_handler(self.page)
        expect(place, method="DELETE").respond_with_handler(self.delete)
        for action in ("cancel", "retry"):
            expect(f"{place}/{action}", method="POST").respond_with_handler(self.act)

    def like(self, item: dict[str, Any], number: int) -> dict[str, Any]:
        if "refused" in item.get("imageUrl", ""):
            line = {"line": json.dumps(item, sort_keys=True)[:500], "lineNumber": number}
            return {"image_url": "https://x/missing", "source": line}
        if url := item.get("imageUrl"):
            return {"image_url": url, "source": {"imageUrl": url}}
        kind, _ = self.api.uploads[item["uploadId"]]
        known = kind in {"image/png", "image/jpeg", "image/gif"}
        made = kind if known else "image/png"
        broken = kind == "image/x-unknown"
        return {
            "image_url": "https://x/missing" if broken else "https://x/a.png",
            "content_type": made,
            "source": {"uploadId": item["uploadId"]},
        }

    def look(self, request: Request) -> Response:
        """End some more tasks, then return the batch."""
        batch_id = request.path.split("/")[3]
        view, tasks = self.views[batch_id], self.items[batch_id]
        if view["status"] == "RUNNING":
            for task in [task for task in tasks if task["status"] == "PENDING"][: self.pace]:
                task["status"] = "FAILED" if task["failure"] else "COMPLETED"
        for status in STATUSES:
            view["counts"][status] = sum(task["status"] == status for task in tasks)
        if not view["counts"]["PENDING"] and view["status"] == "RUNNING":
            view["status"] = "COMPLETED"
        return self.api.answer(view)

    def list(self, request: Request) -> Response:
        wanted = request.args.get("status")
        found = [view for view in self.views.values() if wanted in {None, view["status"]}]
        summaries = [{name: v for name, v in view.items() if name != "counts"} for view in found]
        return self.api.answer({"batches": summaries[::-1], "cursor": None})

    def page(self, request: Request) -> Response:
        self.shown.set()
        first = int(request.args.get("cursor", 0))
        tasks = self.items[request.path.split("/")[3]]
        wanted = request.args.get("status")
        found = [t for t in tasks[first : first + PAGE] if wanted in {None, t["status"]}]
        cursor = str(first + PAGE) if first + PAGE < len(tasks) else None
        return self.api.answer({"tasks": found, "cursor": cursor})

    def act(self, request: Request) -> Response:
        batch_id, action = request.path.split("/")[3:]
        self.actions.append(f"{action} {batch_id}")
        self.end(batch_id, "CANCELLED" if action == "cancel" else "RUNNING")
        return self.api.answer(self.views[batch_id], 202)

    def delete(self, request: Request) -> Response:
        batch_id = request.path.split("/")[3]
        self.actions.append(f"delete {batch_id}")
        self.views[batch_id]["deletionRequestedAt"] = "2026-11-26T09:12:07.254Z"
        return self.api.answer(self.views[batch_id], 202)

    def end(self, batch_id: str, status: str, failure: dict[str, str] | None = None) -> None:
        """End a batch and its open tasks, or restart the tasks that did not succeed."""
        self.views[batch_id] |= {"status": status, "failure": failure}
        for task in self.items[batch_id]:
            if status == "RUNNING" and task["status"] in {"FAILED", "CANCELLED"}:
                mended = {"result": self.api.result("image/png"), "failure": None}
                task |= {"status": "PENDING", "attempt": task["attempt"] + 1, **mended}
            elif status != "RUNNING" and task["status"] == "PENDING":
                task |= {"status": "CANCELLED", "result": None, "failure": None}

    def refuse(self, status: int, code: str, message: str, field: str | None = None) -> Response:
        error = {"code": code, "message": message, "field": field}
        return self.api.answer({"error": error}, status)
