"""A gate between the functions and the local cloud, which delays the calls that a test chooses."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

LONGEST_SECONDS = 2.5
"""That a call is held: less than the 3 seconds after which the SDK would try it again."""
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}

Chosen = Callable[[Mapping[str, str], bytes], bool]
"""Whether a request, by its headers and its body, is held."""


class Gate(ThreadingHTTPServer):
    """Passes requests on to the local cloud. While it is closed, the chosen calls wait."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str, chosen: Chosen) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.upstream, self.chosen = upstream, chosen
        self.pool = urllib3.PoolManager(maxsize=20, retries=False)
        self.open = threading.Event()
        self.open.set()
        self.held = 0
        """Calls that have been held so far."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close_for_good(self) -> None:
        self.open.set()
        self.shutdown()
        self.server_close()


class Passage(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        gate = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not gate.open.is_set() and gate.chosen(self.headers, body):
            gate.held += 1
            gate.open.wait(LONGEST_SECONDS)
        answer = gate.pool.request(
            "POST", gate.upstream + self.path, body=body, headers=dict(self.headers)
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, *_: object) -> None:
        pass
