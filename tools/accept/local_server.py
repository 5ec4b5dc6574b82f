"""A server on this machine, for stacks of the local cloud: sources that fail, and a receiver.

A stack in AWS cannot reach it; see `sites`.
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tools.accept import receiver

SLOW_SECONDS = 8.0
"""Less than the 10 seconds for which Darkroom waits for an answer."""


class LocalServer(ThreadingHTTPServer):
    """Sources that fail, and a receiver.

    `GET /unavailable` is answered 503 at once, `/slow` 503 after seconds, `/forbidden` 403, and
    `/large` with a Content-Length above `max_bytes`; `POST /webhook` like `receiver` says.
    """

    daemon_threads = True

    def __init__(self, max_bytes: int) -> None:
        """Listen on a free port of 127.0.0.1.

        Args:
            max_bytes: the largest source that the stack accepts.
        """
        super().__init__(("127.0.0.1", 0), _Handler)
        self.max_bytes = max_bytes
        self.secret = ""
        """Signs the caller's webhooks. Without it, none is accepted."""
        self.closed = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def close(self) -> None:
        """Stop listening, and end the slow answers."""
        self.closed.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer

    def do_GET(self) -> None:
        """Answer as the path says."""
        match self.path:
            case "/forbidden":
                self._answer(HTTPStatus.FORBIDDEN)
            case "/large":
                self._answer(HTTPStatus.OK, length=self.server.max_bytes + 1)
            case "/slow":
                self.server.closed.wait(SLOW_SECONDS)
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
            case _:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE)

    def do_POST(self) -> None:
        """Verify a webhook."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(receiver.answer(headers, body, self.server.secret))

    def log_message(self, *_: object) -> None:
        """Write no log."""

    def _answer(self, status: int, length: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        # The body that was announced does not follow, so the connection cannot be used again.
        self.close_connection = True
