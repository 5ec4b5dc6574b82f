"""Rejects changes over HTTP while the state cannot be saved, and reports whether it can."""

import asyncio
import json

from tools.localcloud.emulator import snapshots
from tools.localcloud.guard import SAVE, SAVED, STAGE, Application, Receive, Scope, Send

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def reject_unsaved_changes(application: Application) -> Application:
    """Wrap an ASGI application so that its APIs accept no change that cannot be saved.

    Work that was accepted earlier continues in memory and is saved as soon as possible. `SAVE`
    and `SAVED` are answered 200, or 503 with the reason as an error of the API.
    """

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        is_status = path in {SAVE, SAVED}
        if path == SAVE:
            await asyncio.to_thread(snapshots.write)
        if not is_status and not (scope.get("method") in CHANGES and STAGE.match(path)):
            await application(scope, receive, send)
        elif problem := snapshots.problem():
            await _respond(send, 503, {"error": {"code": "ServiceUnavailable", "message": problem}})
        elif is_status:
            await _respond(send, 200, {})
        else:
            await application(scope, receive, send)

    return gate


async def _respond(send: Send, status: int, document: object) -> None:
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # The rest of the request's body may still arrive, so the connection is not reused.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
