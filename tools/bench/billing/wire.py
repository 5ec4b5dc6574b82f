"""A proxy between functions and the local cloud that records the functions' calls."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tools.bench.environment import free_port
from tools.bench.stack import local_cloud
from tools.localcloud.cloud import LocalCloud

# In the header Authorization: access key, date, region, service.
CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
# Headers of the connection, not of the message.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Call:
    """One request of a function to a service, with the response.

    Attributes:
        caller: the access key that signed it.
        service: the name in its signature: `dynamodb`, `s3`, `sqs`, `states` …
        operation: boto3's name: `PutItem`.
        status: HTTP status of the response.
        request: the body; empty for S3, where it is a file.
        response: the body; empty for S3.
    """

    caller: str
    service: str
    operation: str
    status: int
    request: bytes
    response: bytes


class Wire(ThreadingHTTPServer):
    """A proxy in front of a port of 127.0.0.1, and the calls that went through it."""

    daemon_threads = True
    # Functions keep their connections open; do not wait for these at the end.
    block_on_close = False
    request_queue_size = 256

    def __init__(self, upstream: int) -> None:
        """Listen on a free port, in front of the port `upstream`."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.upstream = upstream
        self.calls: list[Call] = []

    def __enter__(self) -> Self:
        """Start forwarding."""
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop forwarding and listening."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def take(self) -> list[Call]:
        """Return the calls since the previous `take`, in the order of their responses."""
        calls, self.calls = self.calls, []
        return calls

    def handle_error(self, *_: object) -> None:
        """Ignore broken connections: functions are stopped together with their cloud."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Wire

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def setup(self) -> None:
        """Begin a connection, and its connection to the upstream."""
        super().setup()
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)

    def finish(self) -> None:
        """End both connections."""
        self._upstream.close()
        super().finish()

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._upstream.request(
            self.command,
            self.path,
            body,
            {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP | {"expect"}},
        )
        response = self._upstream.getresponse()
        content = response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        # The response to HEAD has a length but no body.
        length = response.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        # Record before responding: after the response, a client may take the calls at once.
        self._record(body, response.status, content)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815 - http.server's names

    def _record(self, request: bytes, status: int, response: bytes) -> None:
        credential = CREDENTIAL.search(self.headers.get("Authorization", ""))
        if not credential:
            return
        caller, service = credential.groups()
        if service == "s3":
            operation, request, response = self._s3_operation(), b"", b""
        else:
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        call = Call(caller, service, operation, status, request, response)
        self.server.calls.append(call)

    def _s3_operation(self) -> str:
        """Return the operation of a request to S3; functions call only operations on objects."""
        kind = "Object" if self.path.strip("/").count("/") else "Bucket"
        verb = "Copy" if "x-amz-copy-source" in self.headers else self.command.capitalize()
        return f"{verb}{kind}"


@contextmanager
def tapped_cloud() -> Iterator[tuple[LocalCloud, Wire]]:
    """Start a local cloud whose functions call through a wire; stop both at the end."""
    port = free_port()
    with (
        Wire(port) as wire,
        local_cloud(keep=True, port=port, AWS_ENDPOINT_URL=wire.url) as cloud,
    ):
        yield cloud, wire
