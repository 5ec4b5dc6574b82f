"""Decides which requests the local cloud's port serves.

A caller that can create a function in the emulator can run code on this machine. And many callers
can reach the port: every page in a browser, every link that a mail or chat program opens, and the
functions, which download from addresses that strangers have chosen. So each kind of request has its
own requirements:

| request                              | needs                     | from a browser            |
|--------------------------------------|---------------------------|---------------------------|
| a file of the page or of the docs    | nothing                   | our page, a typed address |
| an object of S3, by a presigned link | the link's signature      | any page                  |
| a route of the API                   | an API key in a header    | our page                  |
| a form that sends a file to S3       | the form's signature      | our page                  |
| status: ready, state saved           | nothing                   | never                     |
| all else, that is the APIs of AWS    | a signature in a header   | never                     |

Therefore a request that only follows a link changes nothing, even if the link redirects. The guard
only requires that a signature is present. The emulator verifies signatures, in
`emulator.fidelity.iam`, and API keys.

A browser is recognised by `Origin` and `Sec-Fetch-Site`, which no page can forge or omit
(https://www.w3.org/TR/fetch-metadata/). A foreign `Host` comes from a page whose name resolves to
127.0.0.1 (DNS rebinding). A browser from before March 2023 may send no `Sec-Fetch-Site`. It can
then follow links that need no signature, which changes nothing.
"""

import re
import urllib.parse
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Collection[tuple[bytes, bytes]]

READY = "/_ministack/ready"
SAVED, SAVE = "/_darkroom/saved", "/_darkroom/save"
"""Paths: whether the state can be saved, and saving it now."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
STAGE = re.compile(r"/_aws/execute-api/[^/]+/[^/]+(?=/|$)")
PAGE = re.compile(r"/?|/docs|/openapi\.json|/page/[^/]+/[^/]+(?:/[^/]+)?")
BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/?")
OBJECT = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/.+")
SCHEME = "AWS4-HMAC-SHA256"
"""How requests are signed: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html"""


@dataclass(frozen=True)
class Request:
    """The parts of a request that decide whether it is served."""

    method: str
    path: str
    query: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """Return all values of a header, because a header that is sent twice must pass twice."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    @property
    def reads(self) -> bool:
        """Whether its method only reads."""
        return self.method in {"GET", "HEAD"}

    @property
    def is_page(self) -> bool:
        """Whether it requests a file of the page or of the docs."""
        stage = STAGE.match(self.path)
        return self.reads and bool(stage and PAGE.fullmatch(self.path[stage.end() :]))

    @property
    def is_signed(self) -> bool:
        """Whether a header contains a signature, which is impossible for links and forms."""
        signatures = self.values("authorization")
        return len(signatures) == 1 and signatures[0].startswith(f"{SCHEME} ")

    @property
    def is_link(self) -> bool:
        """Whether it is a presigned link to an object."""
        if not self.reads or self.values("authorization") or not OBJECT.fullmatch(self.path):
            return False
        found = urllib.parse.parse_qs(self.query)
        scope = "/".join(found.get("X-Amz-Credential", [])).split("/")
        return (
            found.get("X-Amz-Algorithm") == [SCHEME]
            and len(found.get("X-Amz-Signature", [])) == 1
            and scope[3:] == ["s3", "aws4_request"]
        )

    @property
    def is_form(self) -> bool:
        """Whether it is a form that sends a file to a bucket."""
        types = self.values("content-type")
        return (
            self.method == "POST"
            and BUCKET.fullmatch(self.path) is not None
            and not self.query
            and not self.values("authorization")
            and not self.values("x-amz-target")
            and len(types) == 1
            and types[0].lower().startswith("multipart/form-data;")
        )


def origins_of(port: int) -> frozenset[str]:
    """Return the origins of a page that this port serves, one for each name of the machine."""
    return frozenset(f"http://{name}:{port}" for name in LOOPBACK_NAMES)


def refusal(request: Request, origins: Collection[str]) -> str | None:
    """Return why a request is refused; None if it is served.

    `origins` are the origins of our page (scheme, host and port, as browsers send them).
    """
    hosts = request.values("host")
    if not hosts or any(_host_name(host) not in LOOPBACK_NAMES for host in hosts):
        return "this port serves only 127.0.0.1 and localhost (Host)"
    if any(origin not in origins for origin in request.values("origin")):
        return "a page of another origin may not use this port (Origin)"
    return _misuse(request)


def _misuse(request: Request) -> str | None:
    """Check a request against the table above."""
    origins, sites = request.values("origin"), set(request.values("sec-fetch-site"))
    if request.is_link or (request.is_page and sites <= {"same-origin", "none"}):
        return None
    if STAGE.match(request.path) or request.is_form:
        # For a browser, our page under another name of this machine is another site. But the page
        # then sends an `Origin`.
        ours = origins or sites <= {"same-origin"}
        return None if ours else "another site may not use the API or its page (Sec-Fetch-Site)"
    if origins or sites:
        return "no browser may use the APIs of AWS (Origin, Sec-Fetch-Site)"
    if request.path.startswith("/_"):
        free = request.method == "GET" and request.path in {READY, SAVED, SAVE}
        return None if free else "nothing is served here"
    signed = request.is_signed
    return None if signed else "the APIs of AWS need a signature in the header Authorization"


def guarded(application: Application, origins: Collection[str]) -> Application:
    """Wrap an ASGI application: a request with a `refusal` is answered 403 and never reaches it."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Closing a websocket before it is accepted answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        reason = None
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            request = Request(scope["method"], scope["path"], query, scope["headers"])
            reason = refusal(request, origins)
        if reason is None:
            await application(scope, receive, send)
        else:
            await respond(send, 403, b"text/plain; charset=utf-8", f"Forbidden: {reason}\n")

    return guard


async def respond(send: Send, status: int, content_type: bytes, text: str) -> None:
    """Answer a request before it reaches the application."""
    body = text.encode()
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        # The rest of the request's body may still arrive, so the connection is not reused.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _host_name(host: str) -> str:
    """Remove the port: `[::1]:80` becomes `[::1]`, `localhost:80` becomes `localhost`."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()
