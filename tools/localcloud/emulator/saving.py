"""What the port says about saving, and what it refuses while nothing can be saved."""

import asyncio
import json

from tools.localcloud.emulator import snapshots
from tools.localcloud.guard import SAVE, SAVED, STAGE, Application, Receive, Scope, Send

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def refusing_what_would_be_lost(application: Application) -> Application:
    """Wrap an ASGI application: while the state cannot be saved, no API accepts anything new.

    What was accepted before goes on, in memory, and is saved as soon as that is possible. `SAVE`
    and `SAVED` are answered 200, or 503 with the reason in the form of an error of the API.
    """

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        asked = path in {SAVE, SAVED}
        if path == SAVE:
            await asyncio.to_thread(snapshots.write)
        if not asked and not (scope.get("method") in CHANGES and STAGE.match(path)):
            await application(scope, receive, send)
        elif problem := snapshots.problem():
            await _answer(send, 503, {"error": {"code": "ServiceUnavailable", "message": problem}})
        elif asked:
            await _answer(send, 200, {})
        else:
            await application(scope, receive, send)

    return gate


async def _answer(send: Send, status: int, document: object) -> None:
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # A body may still be on its way; the connection is of no more use.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
