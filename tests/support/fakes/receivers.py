"""A receiver of webhooks whose path determines the response."""

import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook


class Receiver(ThreadingHTTPServer):
    """`/flaky/2/…` answers 500 twice, then 200; `/silent/…` takes a request and never answers,
    `/redirect/…` redirects.

    Received events are in `received`, by path, as the reference library verified them.
    """

    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.webhook = Webhook(secret)
        self.received: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
        self.ids: defaultdict[str, set[str]] = defaultdict(set)
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # A wrong signature raises an error, and the sender gets no response, so the test finds no
        # event.
        event = self.server.webhook.verify(body, dict(self.headers))
        received = self.server.received[self.path]
        received.append(event)
        self.server.ids[self.path].add(self.headers["webhook-id"])
        _, kind, argument, *_ = [*self.path.split("/"), "", ""]
        if kind == "silent":
            self.server.over.wait(60)
        if kind == "redirect":
            self.send_response(307)
            self.send_header("Location", self.path)
        else:
            self.send_response(500 if kind == "flaky" and len(received) <= int(argument) else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
