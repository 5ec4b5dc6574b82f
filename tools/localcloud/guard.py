"""Who may ask the local cloud's port for what: programs with credentials, and our own page.

Whoever can create a function in the emulator can run code, and everything on this machine reaches
its port: each page that a browser has open, each link that a mail or chat program opens, and the
functions themselves, which fetch from addresses that strangers chose. So a request is judged by
what it asks for:

| asked for                            | needs                     | from a browser            |
|--------------------------------------|---------------------------|---------------------------|
| a file of the page or of the docs    | nothing                   | our page, a typed address |
| an object of S3, by a presigned link | the link's signature      | any page                  |
| a route of the API                   | an API key in a header    | our page                  |
| a form that sends a file to S3       | the form's signature      | our page                  |
| is it ready, is its state saved      | nothing                   | never                     |
| anything else, so the APIs of AWS    | a signature in a header   | never                     |

So no URL alone changes anything, whoever follows it, with whatever redirects. Here signatures must
be there; behind this they are verified (`emulator.patches.credentials`), as are the API's keys.

How a browser is known: `Origin` and `Sec-Fetch-Site`, which no page can forge or leave out
(https://www.w3.org/TR/fetch-metadata/). A `Host` that is not this machine's is a page whose name
was made to resolve to 127.0.0.1 (DNS rebinding). A browser from before March 2023 may send no
`Sec-Fetch-Site`: then it can follow links to what needs no proof, which changes nothing.
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
"""Whether the state can be saved; to save it now."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
STAGE = re.compile(r"/_aws/execute-api/[^/]+/[^/]+(?=/|$)")
PAGE = re.compile(r"/?|/docs|/openapi\.json|/page/[^/]+/[^/]+")
BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/?")
OBJECT = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/.+")
SCHEME = "AWS4-HMAC-SHA256"
"""How requests are signed: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html"""


@dataclass(frozen=True)
class Request:
    """What of a request decides whether it is served."""

    method: str
    path: str
    query: str
    headers: Headers

    def values(self, name: str) -> list[str]:
        """Return each value of a header: one that comes twice is judged by both."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    @property
    def reads(self) -> bool:
        """Whether its method changes nothing."""
        return self.method in {"GET", "HEAD"}

    @property
    def is_page(self) -> bool:
        """Whether it asks for a file of the page or of the docs."""
        stage = STAGE.match(self.path)
        return self.reads and bool(stage and PAGE.fullmatch(self.path[stage.end() :]))

    @property
    def is_signed(self) -> bool:
        """Whether it has a signature in a header, which no link and no form can have."""
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
    """Return the origins that a page served by this port has, one for each name of the machine."""
    return frozenset(f"http://{name}:{port}" for name in LOOPBACK_NAMES)


def refusal(request: Request, origins: Collection[str]) -> str | None:
    """Say why a request is refused, or None when it is not.

    `origins` are those of our page (scheme, host and port, as browsers send them).
    """
    hosts = request.values("host")
    if not hosts or any(_host_name(host) not in LOOPBACK_NAMES for host in hosts):
        return "this port answers to 127.0.0.1 and localhost only (Host)"
    if any(origin not in origins for origin in request.values("origin")):
        return "a page of another origin may not use this port (Origin)"
    return _misuse(request)


def _misuse(request: Request) -> str | None:
    """Judge a request by what it asks for: the table above, a row each."""
    origins, sites = request.values("origin"), set(request.values("sec-fetch-site"))
    if request.is_link or (request.is_page and sites <= {"same-origin", "none"}):
        return None
    if STAGE.match(request.path) or request.is_form:
        # To a browser, our page under another of the machine's names is another site, but it names
        # its origin.
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
    """Wrap an ASGI application: what `refusal` names is answered 403 and never reaches it."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Before it is accepted, closing a websocket is the handshake's 403.
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


def _host_name(host: str) -> str:
    """Take the port off: `[::1]:80` is `[::1]`, `localhost:80` is `localhost`."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()
