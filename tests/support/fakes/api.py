"""A fake API and S3 for the command line, and a runner for its commands."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner, Result
from werkzeug import Request, Response

from darkroom.cli.main import app
from tests.support.fakes.batches import Batches

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
GRAY = b"the gray image"
MOST_BYTES = 10_000_000


class Api:
    """An API whose tasks end at once: COMPLETED, or FAILED when their source says `missing`."""

    def __init__(self, server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.bodies: list[dict[str, Any]] = []
        self.tasks: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.policy: object = {}
        self.repairs: list[str] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        # The client's waiting time before a new try has its own test.
        monkeypatch.setattr("darkroom.client.transport.delay", lambda *_: 0.0)
        monkeypatch.setenv("DARKROOM_API_URL", server.url_for("/dev"))
        monkeypatch.setenv("DARKROOM_API_KEY", "the-key")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        for variable in ("DARKROOM_STACK", "DARKROOM_REGION", "DARKROOM_DEBUG"):
            monkeypatch.delenv(variable, raising=False)
        server.expect_request("/dev/tasks", method="POST").respond_with_handler(self.take)
        server.expect_request("/dev/tasks", method="GET").respond_with_handler(self.list)
        server.expect_request("/dev/uploads", method="POST").respond_with_handler(self.form)
        server.expect_request("/bucket", method="POST").respond_with_handler(self.store)
        server.expect_request("/results").respond_with_data(GRAY)
        self.batches = Batches(self)

    def take(self, request: Request) -> Response:
        body = request.get_json()
        self.bodies.append(body)
        source = body.get("imageUrl", "https://upload")
        if "refused" in source:
            error = {"code": "InvalidSource", "message": "This URL is not allowed."}
            return self.answer({"error": error}, 400)
        task = self.add(f"t{len(self.bodies)}", source)
        return self.answer(task | {"status": "PENDING", "result": None, "failure": None}, 202)

    def form(self, request: Request) -> Response:
        kind = request.get_json()["contentType"]
        upload_id = f"u{len(self.uploads) + 1}"
        self.uploads[upload_id] = (kind, b"")
        policy = base64.b64encode(json.dumps(self.policy).encode()).decode()
        fields = {"Content-Type": kind, "key": f"uploads/{upload_id}", "policy": policy}
        url = self.server.url_for("/bucket")
        return self.answer({"uploadId": upload_id, "url": url, "fields": fields}, 201)

    def store(self, request: Request) -> Response:
        data = request.files["file"].read()
        if len(data) > MOST_BYTES:
            return self.s3_error("EntityTooLarge", "Your proposed upload exceeds the maximum.", 400)
        upload_id = request.form["key"].removeprefix("uploads/")
        self.uploads[upload_id] = (request.form["Content-Type"], data)
        return Response(status=204)

    def refuse_uploads(self, code: str, message: str, status: int) -> None:
        refused = self.s3_error(code, message, status)
        self.server.expect_oneshot_request("/bucket").respond_with_response(refused)

    def add(
        self,
        task_id: str,
        image_url: str = "https://x/a.png",
        content_type: str = "image/jpeg",
        **more: Any,
    ) -> dict[str, Any]:
        failed = "missing" in image_url
        self.tasks[task_id] = {
            "taskId": task_id,
            "name": None,
            "status": "FAILED" if failed else "COMPLETED",
            "attempt": 1,
            "source": {"imageUrl": image_url[:40]},
            "output": {"format": "auto", "quality": 90},
            "createdAt": "2026-11-25T01:02:03.000Z",
            "startedAt": "2026-11-25T01:02:03.500Z",
            "completedAt": "2026-11-25T01:02:05.000Z",
            "result": None if failed else self.result(content_type),
            "failure": {
                "step": "Download",
                "error": "SourceNotFound",
                "message": f"{image_url} answered 404",
            }
            if failed
            else None,
            "execution": None,
            **more,
        }
        place = f"/dev/tasks/{task_id}"
        self.server.expect_request(place, method="GET").respond_with_json(self.tasks[task_id])
        self.server.expect_request(place, method="DELETE").respond_with_handler(self.delete)
        for action in ("retry", "cancel", "callback"):
            self.server.expect_request(f"{place}/{action}", method="POST").respond_with_handler(
                self.repair
            )
        return self.tasks[task_id]

    def has_nothing_else(self) -> None:
        """Answer 404 for every task and batch that was not added before."""
        error = {"code": "NotFound", "message": "You have nothing with this id."}
        place = re.compile(r"/dev/(tasks|batches)/.+")
        self.server.expect_request(place).respond_with_json({"error": error}, 404)

    def result(self, content_type: str = "image/jpeg") -> dict[str, Any]:
        return {
            "url": self.server.url_for("/results"),
            "contentType": content_type,
            "width": 40,
            "height": 30,
            "bytes": len(GRAY),
            "sha256": hashlib.sha256(GRAY).hexdigest(),
        }

    def repair(self, request: Request) -> Response:
        task_id, action = request.path.split("/")[-2:]
        self.repairs.append(f"{action} {task_id}")
        if task_id in self.refusals:
            status, message = self.refusals[task_id]
            return self.answer({"error": {"code": "Any", "message": message}}, status)
        task = self.tasks[task_id]
        if (request.get_json(silent=True) or {}).get("attempt", task["attempt"]) != task["attempt"]:
            return self.answer({"error": {"code": "NotRetryable", "message": "Another one."}}, 409)
        if action == "callback":
            return self.answer(task, 202)
        if action == "cancel":
            return self.answer(task | {"status": "CANCELLED"}, 202)
        return self.answer(task | {"status": "PENDING", "attempt": task["attempt"] + 1}, 202)

    def delete(self, request: Request) -> Response:
        task_id = request.path.split("/")[-1]
        self.repairs.append(f"delete {task_id}")
        if task_id in self.refusals:
            status, message = self.refusals[task_id]
            return self.answer({"error": {"code": "Any", "message": message}}, status)
        return Response(status=204)

    def lose_an_answer(self, task_id: str, *, done: bool) -> None:
        """Answer 502 to the next retry of a task, which takes effect or not."""

        def lose(_: Request) -> Response:
            self.repairs.append(f"retry {task_id}")
            return Response(status=502)

        place = f"/dev/tasks/{task_id}"
        self.server.expect_oneshot_request(f"{place}/retry").respond_with_handler(lose)
        now = self.tasks[task_id] | ({"attempt": 2, "status": "PENDING"} if done else {})
        self.server.expect_oneshot_request(place).respond_with_json(now)

    def list(self, request: Request) -> Response:
        wanted = request.args.get("status")
        tasks = [t for t in self.tasks.values() if wanted is None or t["status"] == wanted]
        return self.answer({"tasks": tasks[::-1], "cursor": None})

    @staticmethod
    def answer(body: Any, status: int = 200) -> Response:
        return Response(json.dumps(body), status, content_type="application/json")

    @staticmethod
    def s3_error(code: str, message: str, status: int) -> Response:
        xml = (
            f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
        return Response(xml, status, content_type="application/xml")


def darkroom(*arguments: str | Path, input: str | None = None) -> Result:  # noqa: A002 - Typer's name
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)
