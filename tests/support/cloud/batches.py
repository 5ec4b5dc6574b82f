"""Batches for tests: submit and poll them, with their uploads and imports."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.cloud.stacks import Stack, until

STATUSES = {"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"}


@dataclass
class Batches:
    stack: Stack
    seen: list[dict[str, Any]] = field(default_factory=list)
    """Every answer that a wait has polled."""

    def submit(self, sources: Iterable[str] = (), **body: Any) -> dict[str, Any]:
        if urls := list(sources):
            body["sources"] = [{"imageUrl": url} for url in urls]
        answer = self.stack.http.post("/batches", json=body)
        assert answer.status_code == 202, answer.text
        batch = answer.json()
        assert answer.headers["Location"] == batch["links"]["self"]
        return batch

    def show(self, batch: dict[str, Any]) -> dict[str, Any]:
        answer = self.stack.http.get(self.stack.url(batch["links"]["self"]))
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        self.check(shown)
        return shown

    def check(self, batch: dict[str, Any]) -> None:
        """Check what is true at every moment."""
        assert set(batch["counts"]) == STATUSES
        if batch["total"] is not None:
            assert sum(batch["counts"].values()) == batch["total"], batch
        self.seen.append(batch)

    def until(
        self, batch: dict[str, Any], holds: Callable[[dict[str, Any]], Any], seconds: float
    ) -> dict[str, Any]:
        def check() -> dict[str, Any] | None:
            shown = self.show(batch)
            return shown if holds(shown) else None

        return until(check, seconds, "the batch reaches this state")

    def ended(self, batch: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """The batch after it has ended and none of its tasks is open."""

        def over(shown: dict[str, Any]) -> bool:
            still = shown["counts"]["PENDING"] + shown["counts"]["RUNNING"]
            return shown["status"] != "RUNNING" and not still

        return self.until(batch, over, seconds)

    def act(self, batch: dict[str, Any], action: str) -> httpx.Response:
        return self.stack.http.post(self.stack.url(f"{batch['links']['self']}/{action}"))

    def tasks(self, batch: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """All its tasks, page by page."""
        found, cursor = [], None
        while True:
            answer = self.stack.http.get(
                self.stack.url(batch["links"]["tasks"]),
                params={"limit": 100, **query, **({"cursor": cursor} if cursor else {})},
            )
            assert answer.status_code == 200, answer.text
            found.extend(answer.json()["tasks"])
            cursor = answer.json()["cursor"]
            if not cursor:
                return found

    def failures(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        """The failures of its first ten FAILED tasks."""
        failed = self.tasks(batch, status="FAILED")[:10]
        return [
            self.stack.http.get(f"/tasks/{each['taskId']}").json()["failure"] for each in failed
        ]

    def upload(self, data: bytes, content_type: str) -> str:
        """Send a file; return the id of the upload."""
        form = self.form(content_type)
        self.send(form, data)
        upload_id: str = form["uploadId"]
        return upload_id

    def form(self, content_type: str) -> dict[str, Any]:
        answer = self.stack.http.post("/uploads", json={"contentType": content_type})
        assert answer.status_code == 201, answer.text
        form: dict[str, Any] = answer.json()
        return form

    def send(self, form: dict[str, Any], data: bytes) -> None:
        sent = httpx.post(form["url"], data=form["fields"], files={"file": ("any", data)})
        assert sent.status_code == 204, sent.text

    def bring(self, name: str, data: bytes) -> None:
        """Put an object where an operator would upload it with `aws s3 sync`."""
        owner = self.stack.outputs["ApiKeyId"]
        self.stack.cloud.client("s3").put_object(
            Bucket=self.stack.outputs["BucketName"], Key=f"imports/{owner}/{name}", Body=data
        )

    def execution(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The execution of the run, after its end."""
        arn = batch["execution"]["arn"]

        def check() -> dict[str, Any] | None:
            execution = self.stack.states.describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None

        return until(check, 60, "the execution of the batch ends")

    def left_states(self, batch: dict[str, Any]) -> list[str]:
        """The states that the execution of the run has left so far, in order."""
        events = self.stack.states.get_execution_history(
            executionArn=batch["execution"]["arn"], maxResults=1000
        )["events"]
        details = [event.get("stateExitedEventDetails") for event in events]
        return [detail["name"] for detail in details if detail]
