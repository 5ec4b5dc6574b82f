"""The Runtime API: what an invocation costs beside its function.

Not a rule of AWS. ministack gives each process of a function three threads: one listens, one waits
for what the process asks, one reads what it prints. Of a few dozen threads each looks ten times a
second whether it is wanted, and one at a time runs Python: to hand over took a third of the
emulator's processor time. Here the event loop that serves the APIs of AWS does all that, too.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

Whoever asks first gets an invocation and all that is in it, so no two processes ask in the same
place: the address that a process is told has a path that nobody can guess. One port serves all of
them, so that each function knows which port no source may have (`darkroom.sources.address_guard`).
"""

import asyncio
import json
import secrets
import socket
import socketserver
import threading
from functools import cache
from typing import Any

import httptools
from ministack import app
from ministack.core import lambda_runtime as runtime

from tools.localcloud.emulator.patches.replacing import Function, rely_on, replace

NEXT = "/runtime/invocation/next"
INIT_ERROR = "/runtime/init/error"
STOPPED = {"errorMessage": "execution environment stopped"}
UNKNOWN_REQUEST = {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}

# Seconds between two looks whether a process that works on something is still alive.
LOOK = 0.25

_environments: dict[str, "Environment"] = {}
_opening = threading.Lock()


def apply() -> None:
    """Apply the patches of this module."""
    serve_on_the_event_loop()


def serve_on_the_event_loop() -> None:
    """Put `Environment` and `Place` in the stead of ministack's handler and server."""

    def environment(_original: Function) -> Function:
        return lambda worker, generation, _pending: Environment(worker, generation)

    replace(runtime.ProvidedWorker, "_build_handler_class", environment, has=NEXT)
    rely_on(runtime.ProvidedWorker, "_spawn", has="socketserver.Threading")
    replace(socketserver, "ThreadingTCPServer", lambda _: Place, has="ThreadingMixIn, TCPServer")
    rely_on(runtime.ProvidedWorker, "invoke", has="min(_PROVIDED_POLL, max")
    runtime._PROVIDED_POLL = LOOK


class Environment:
    """One process of a function: what it is to do next, and the connection that waits for that."""

    def __init__(self, worker: Any, generation: int) -> None:
        """Be the queue in which the worker puts an invocation."""
        worker._pending = self
        self._worker, self._generation = worker, generation
        self._next: bytes | None = None
        self._waiting: Connection | None = None

    def put(self, invocation: tuple[str, Any, int, str | None, str]) -> None:
        """Hand over an invocation, from whatever thread."""
        request_id, event, deadline, trace_id, arn = invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
        }
        if trace_id:
            headers["Lambda-Runtime-Trace-Id"] = trace_id
        loop().call_soon_threadsafe(self._give, answer(200, event, headers))

    def _give(self, invocation: bytes) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting.send(invocation)
        else:
            self._next = invocation

    def asked(self, connection: "Connection") -> None:
        """Answer with the next invocation, now or when there is one."""
        if not self._worker._mark_first_poll(self._generation):
            connection.send(answer(500, STOPPED))
            return
        invocation, self._next = self._next, None
        if invocation:
            connection.send(invocation)
        else:
            self._waiting = connection

    def told(self, path: str, body: bytes) -> bytes:
        """Take a result or an error; return what to answer."""
        try:
            result = json.loads(body)
        except ValueError:
            result = body.decode(errors="replace")
        if INIT_ERROR in path:
            self._worker._record_init_error(self._generation, result)
            return answer(202)
        match = runtime._INVOCATION_RESULT_RE.search(path)
        if not match:
            return answer(404)
        if self._worker._record_result(self._generation, *match.groups(), result):
            return answer(202)
        return answer(400, UNKNOWN_REQUEST)


class Connection(asyncio.Protocol):
    """One connection of a process, over which it asks and tells."""

    def __init__(self) -> None:
        """Serve the environment whose place is asked for."""
        self._parser = httptools.HttpRequestParser(self)
        self._environment: Environment | None = None
        self._url, self._path, self._body = b"", "", b""

    def connection_made(self, transport: Any) -> None:
        """Remember where to send."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read what came; the parser calls the methods `on_…`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Take a piece of a request's address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Say that a large body may come, to a client that asks before it sends it."""
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        """Close at once to whoever does not know the place of an environment."""
        place, _, self._path = self._url.decode("latin-1").removeprefix("/").partition("/")
        self._url = b""
        self._environment = _environments.get(place)
        if self._environment is None:
            self.send(answer(403))
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer a request."""
        body, self._body = self._body, b""
        if self._environment is None:
            return
        if self._parser.get_method() != b"GET":
            self.send(self._environment.told(self._path, body))
        elif NEXT in self._path:
            self._environment.asked(self)
        else:
            self.send(answer(404))

    def send(self, data: bytes) -> None:
        """Send an answer; what a process that has ended does not get, nobody misses."""
        self._transport.write(data)


class Place:
    """What ministack takes for a server of one process: where the one server finds it."""

    def __init__(self, _address: tuple[str, int], environment: Environment) -> None:
        """Serve an environment at a place of its own."""
        self._name = secrets.token_urlsafe(16)
        _environments[self._name] = environment
        # Of this ministack makes the address, `127.0.0.1:{port}`.
        self.server_address = ("127.0.0.1", f"{_port()}/{self._name}")

    def serve_forever(self, poll_interval: float) -> None:
        """Return at once: the thread that was made for this has nothing to do."""

    def shutdown(self) -> None:
        """Do nothing: `server_close` does it."""

    def server_close(self) -> None:
        """Serve it no more. Its connections end with the process."""
        _environments.pop(self._name, None)


def _port() -> int:
    """Return the port of the server for all processes, which listens since it was first asked."""
    with _opening:
        return _open()


@cache
def _open() -> int:
    listening = socket.create_server(("127.0.0.1", 0))
    served = loop().create_server(Connection, sock=listening)
    asyncio.run_coroutine_threadsafe(served, loop()).result()
    port: int = listening.getsockname()[1]
    return port


def loop() -> asyncio.AbstractEventLoop:
    """Return the loop that the emulator runs on."""
    running: asyncio.AbstractEventLoop = app._MAIN_LOOP
    return running


def answer(status: int, document: Any = None, headers: dict[str, str] | None = None) -> bytes:
    """Return an answer of HTTP, its document as JSON."""
    body = b"" if document is None else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} ", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    lines += [f"Content-Length: {len(body)}", "Content-Type: application/json", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
