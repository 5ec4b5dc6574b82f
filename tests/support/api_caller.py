"""Calls api/app.py with the events that API Gateway sends (REST API, Lambda proxy)."""

import base64
import json
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tests.support.fakes.aws import FakeAws

STAGE = "/v1"


@dataclass(frozen=True)
class Answer:
    """A response, with its parsed `body`."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> dict[str, str]:
        """The error, which must have exactly the documented form."""
        assert list(self.body) == ["error"]
        error: dict[str, str] = self.body["error"]
        assert list(error) in (["code", "message"], ["code", "message", "field"])
        assert all(isinstance(value, str) and value for value in error.values())
        return error


@dataclass
class Api:
    """The API, with its stored items and queued messages."""

    module: ModuleType
    aws: FakeAws
    queued: list[dict[str, Any]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def get(self, path: str, caller: str = "me", **query: str | list[str]) -> Answer:
        """GET a path; a parameter of the query may be given several times."""
        return self.call("GET", path, caller=caller, query=query)

    def post(
        self, path: str, body: Any = "", caller: str = "me", headers: dict[str, str] | None = None
    ) -> Answer:
        """POST text or bytes as they are, and anything else as JSON."""
        if not isinstance(body, str | bytes):
            body = json.dumps(body)
        return self.call("POST", path, body, caller=caller, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        *,
        caller: str = "me",
        headers: dict[str, str] | None = None,
        query: dict[str, str | list[str]] | None = None,
        resource: str | None = None,
        parameters: dict[str, str] | None = None,
        root: str = STAGE,
    ) -> Answer:
        """Send one request. A path may begin with the stage or the base path, as in links."""
        path = path.removeprefix(root)
        parts = path.split("/")
        name = {"tasks": "taskId", "batches": "batchId"}.get(parts[1])
        if resource is None and name and len(parts) > 2:
            parameters = {name: parts[2]}
            resource = "/".join(["", parts[1], f"{{{name}}}", *parts[3:]])
        several = {
            name: value if isinstance(value, list) else [value]
            for name, value in (query or {}).items()
        }
        event = {
            "resource": resource or path,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()} or None,
            "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
            "multiValueQueryStringParameters": several or None,
            "pathParameters": parameters,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource or path,
                "httpMethod": method,
                "path": f"{root}{path}",
                "stage": "v1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "identity": {"apiKeyId": caller, "sourceIp": "127.0.0.1"},
            },
            "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
            "isBase64Encoded": isinstance(body, bytes),
        }
        answer = self.module.app(json.loads(json.dumps(event)), None)
        reported = {**answer.get("headers", {})}
        reported |= {n: ", ".join(v) for n, v in (answer.get("multiValueHeaders") or {}).items()}
        body = json.loads(answer["body"]) if answer["body"] else None
        return Answer(answer["statusCode"], reported, body)
