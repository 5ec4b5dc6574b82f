"""The HTTP server that Darkroom and Celery download from.

    python -m tools.bench.sources      in the environment of tools/locks/bench.txt

It prints its URL and serves `/0.3.jpg`, 640 x 480, and `/12.jpg`, 4000 x 3000, until its standard
input is closed.
"""

import functools
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.bench.corpus import encoded, photograph

MEGAPIXELS = {"0.3": 0.3072, "12": 12.0}


class Quiet(SimpleHTTPRequestHandler):
    """A handler without a log line for each request."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """A server that accepts bursts of connections."""

    request_queue_size = 256


def main() -> None:
    """Create the pictures and serve them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, megapixels in MEGAPIXELS.items():
            Path(folder, f"{name}.jpg").write_bytes(encoded(photograph(megapixels), "JPEG"))
        with Server(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
            sys.stdout.flush()
            sys.stdin.read()
            server.shutdown()


if __name__ == "__main__":
    main()
