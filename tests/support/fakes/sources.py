"""A server of sources whose path determines the response, and pictures whose gray is known."""

import io
import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

BT_601 = (0.299, 0.587, 0.114)
TEXT = b"This is no picture, whatever its name says.\n" * 20


def picture(size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A smooth colour picture: JPEG changes it little, and all corners differ."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = (60 + 150 * x, 60 + 150 * y, 210 - 140 * x * y)
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8), "RGB")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def luma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=float) @ np.array(BT_601)


def on_its_side(image: Image.Image) -> bytes:
    """A JPEG as a phone writes it: the pixels lie on their side and the Exif tag says so."""
    exif = Image.Exif()
    exif[274] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


PICTURE = picture()
JPEG = encoded(PICTURE, "JPEG", quality=95)
SECONDS_BETWEEN_HEADERS = 2.0
"""A client takes a hundred headers and waits ten seconds for each."""
FILES = {
    "/colour.jpg": JPEG,
    "/colour.png": encoded(PICTURE, "PNG"),
    "/colour.webp": encoded(PICTURE, "WEBP", lossless=True),
    "/phone.jpg": on_its_side(PICTURE),
    "/empty.jpg": b"",
    "/text.jpg": TEXT,
    "/truncated.jpg": JPEG[: len(JPEG) // 2],
}


class Sources(ThreadingHTTPServer):
    """`/status/404` answers 404; `/flaky/2/name` answers 503 twice, then a picture.

    `/held/name` answers with a picture once the test has released it; until then it sends headers,
    so that no read times out: a download lasts up to 45 seconds, and is then tried again three
    times. `files` can be added to.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = dict(FILES)
        self.requests: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.held: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def forget(self) -> None:
        """Release held requests, and reset the server."""
        for event in list(self.held.values()):
            event.set()
        self.held.clear()
        with self.lock:
            self.requests.clear()
        self.files = dict(FILES)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Answer(BaseHTTPRequestHandler):
    server: Sources

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests[self.path] += 1
            asked = self.server.requests[self.path]
        _, kind, argument, *_ = [*self.path.split("/"), "", ""]
        if kind == "status":
            self._answer(int(argument), b"<html>no</html>")
        elif kind == "flaky" and asked <= int(argument):
            self._answer(503, b"not now")
        else:
            body = self.server.files.get(
                self.path.partition("?")[0], JPEG if kind in {"flaky", "held"} else None
            )
            self._answer(404 if body is None else 200, body or b"", held=kind == "held")

    def _answer(self, status: int, body: bytes, *, held: bool = False) -> None:
        self.send_response(status)
        if held and not self._hold():
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hold(self) -> bool:
        """Send meaningless headers until the test releases the request; False: the client has
        gone."""
        held = self.server.held[self.path]
        while not held.wait(SECONDS_BETWEEN_HEADERS):
            self.send_header("X-Held", "yes")
            try:
                self.flush_headers()
            except OSError:
                return False
        return True

    def log_message(self, *_: object) -> None:
        pass
