"""Who may speak to a port of the local cloud: programs and pages of this machine, no foreign page.

Anyone who reaches the emulator can run code (create a function, invoke it), and it accepts every
Host and Origin by itself. A browser on the same machine reaches 127.0.0.1 for any page that it has
open, so the address alone protects nothing:

* a foreign `Origin`, or `Sec-Fetch-Site: cross-site`, is another site's page sending a request;
* a foreign `Host` is a page whose own name was made to resolve to 127.0.0.1 (DNS rebinding), which
  the browser then takes for the same origin.

Programs (the SDKs, curl) send neither header, and the Host that they dialled.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def origins_of(port: int) -> frozenset[str]:
    """The origins a page served by this machine's `port` has, one for each of its names."""
    return frozenset(f"http://{name}:{port}" for name in LOOPBACK_NAMES)


def refusal(headers: Collection[tuple[bytes, bytes]], origins: Collection[str]) -> str | None:
    """Say why a request with these raw headers is refused, or None when it is not.

    `origins` are the pages that may call (scheme, host and port, as browsers send them).
    A header that comes twice is judged by each of its values.
    """
    hosts = list(_values(headers, b"host"))
    if not hosts or any(_host_name(host) not in LOOPBACK_NAMES for host in hosts):
        return "this port answers to 127.0.0.1 and localhost only (Host)"
    if any(origin not in origins for origin in _values(headers, b"origin")):
        return "a page of another origin may not use this port (Origin)"
    if "cross-site" in _values(headers, b"sec-fetch-site"):
        return "a page of another site may not use this port (Sec-Fetch-Site)"
    return None


def guarded(application: Application, origins: Collection[str]) -> Application:
    """Wrap an ASGI application: what `refusal` names is answered 403 and never reaches it."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        reason = None
        if scope["type"] in ("http", "websocket"):
            reason = refusal(scope["headers"], origins)
        if reason is None:
            await application(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted, closing a websocket is the handshake's 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _forbid(send, f"Forbidden: {reason}\n".encode())

    return guard


async def _forbid(send: Send, body: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        # The body may still be on its way; the connection is of no more use.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _values(headers: Collection[tuple[bytes, bytes]], name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for key, value in headers if key.lower() == name)


def _host_name(host: str) -> str:
    """Take the port off: `[::1]:80` is `[::1]`, `localhost:80` is `localhost`."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()
