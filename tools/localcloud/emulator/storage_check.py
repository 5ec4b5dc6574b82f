"""Rejects changes over HTTP while the state cannot be saved, and reports whether it can."""

import asyncio
import json

from tools.localcloud.emulator import snapshots
from tools.localcloud.guard import SAVE, SAVED, STAGE, Application, Receive, Scope, Send, respond

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
JSON = b"application/json"


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
            error = {"error": {"code": "ServiceUnavailable", "message": problem}}
            await respond(send, 503, JSON, json.dumps(error))
        elif is_status:
            await respond(send, 200, JSON, "{}")
        else:
            await application(scope, receive, send)

    return gate
