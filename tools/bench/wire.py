"""A proxy between functions and the local cloud that keeps what they call and passes it on."""

import http.client
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.localcloud.cloud import LocalCloud

# It reads: the key, the date, the region, the service.
SIGNED_FOR = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
# Of a connection, not of the message on it.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Call:
    """One request of a function to a service, and its answer.

    Attributes:
        caller: the access key that signed it.
        service: as its signature names it: `dynamodb`, `s3`, `sqs`, `states` …
        operation: as boto3 names it: `PutItem`.
        status: of the answer.
        request: the body; empty for S3, where it is a file.
        response: the answer's body; empty for S3.
    """

    caller: str
    service: str
    operation: str
    status: int
    request: bytes
    response: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Functions keep their connections open; the end of the count need not wait for them.
    block_on_close = False
    request_queue_size = 256

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.calls: list[Call] = []

    def handle_error(self, *_: object) -> None:
        """Say nothing of a connection that broke: functions end when their cloud does."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def setup(self) -> None:
        """Begin a connection: one to the upstream belongs to it."""
        super().setup()
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)

    def finish(self) -> None:
        """End a connection."""
        self._upstream.close()
        super().finish()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._upstream.request(
            self.command,
            self.path,
            body,
            {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP | {"expect"}},
        )
        answer = self._upstream.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        # The answer to HEAD tells a length and has no body.
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        # Before the caller has its answer: whoever knows that it is done may ask for the calls.
        self._keep(body, answer.status, content)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def _keep(self, request: bytes, status: int, response: bytes) -> None:
        signed = SIGNED_FOR.search(self.headers.get("Authorization", ""))
        if not signed:
            return
        caller, service = signed.groups()
        if service == "s3":
            operation, request, response = self._s3_operation(), b"", b""
        else:
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        call = Call(caller, service, operation, status, request, response)
        self.server.calls.append(call)

    def _s3_operation(self) -> str:
        """Return what a request to S3 is; those of an object alone are made by functions."""
        kind = "Object" if self.path.strip("/").count("/") else "Bucket"
        verb = "Copy" if "x-amz-copy-source" in self.headers else self.command.capitalize()
        return f"{verb}{kind}"


class Wire:
    """What went through a proxy so far."""

    def __init__(self, server: _Server) -> None:
        """Take the proxy."""
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    def take(self) -> list[Call]:
        """Return the calls since the last time, in the order of their answers."""
        calls, self._server.calls = self._server.calls, []
        return calls


@contextmanager
def tapped_cloud(port: int) -> Iterator[tuple[LocalCloud, Wire]]:
    """Start a local cloud on a port, whose functions call through a wire; stop both."""
    with tempfile.TemporaryDirectory() as home, tapped(port) as wire:
        cloud = LocalCloud(Path(home), port)
        try:
            cloud.start(AWS_ENDPOINT_URL=wire.url)
            yield cloud, wire
        finally:
            cloud.stop()


@contextmanager
def tapped(port: int) -> Iterator[Wire]:
    """Start a proxy in front of a port of 127.0.0.1; stop it."""
    with _Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Wire(server)
        finally:
            server.shutdown()
            thread.join()
