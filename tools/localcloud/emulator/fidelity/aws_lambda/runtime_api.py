"""Lambda: the Runtime API, from which the process of a function gets its invocations.

ministack starts an HTTP server with an unprotected port for each process. Any local process could
take an invocation there, with all the data in it. Here one port serves all processes, and the
address of each process contains a path that nobody can guess. A single port also lets each function
know the port that no source may use (`darkroom.sources.address_guard`).

The server runs on the event loop that also serves the APIs of AWS. ministack uses three threads per
process: one listens, one waits for requests, one reads the output. Switching between a few dozen of
them took a third of the emulator's processor time.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

Differences from AWS: docs/aws-differences.md, "Intended differences".
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

from tools.localcloud.emulator.replacing import Function, Patch, rely_on, replace

NEXT = "/runtime/invocation/next"
INIT_ERROR = "/runtime/init/error"
STOPPED = {"errorMessage": "execution environment stopped"}
UNKNOWN_REQUEST = {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}

# Seconds between two checks whether a process that runs an invocation is still alive.
ALIVE_CHECK = 0.25

_environments: dict[str, "Environment"] = {}
_opening = threading.Lock()


@Patch
def serve_on_the_event_loop() -> None:
    """Replace ministack's handler by `Environment` and its server by `Registration`."""

    def environment(_original: Function) -> Function:
        return lambda worker, generation, _pending: Environment(worker, generation)

    replace(runtime.ProvidedWorker, "_build_handler_class", environment, has=NEXT)
    rely_on(runtime.ProvidedWorker, "_spawn", has="socketserver.Threading")
    replace(
        socketserver, "ThreadingTCPServer", lambda _: Registration, has="ThreadingMixIn, TCPServer"
    )
    rely_on(runtime.ProvidedWorker, "invoke", has="min(_PROVIDED_POLL, max")
    runtime._PROVIDED_POLL = ALIVE_CHECK


class Environment:
    """The execution environment of one process: its next invocation, or who waits for one."""

    def __init__(self, worker: Any, generation: int) -> None:
        """Become the queue into which the worker puts an invocation."""
        worker._pending = self
        self._worker, self._generation = worker, generation
        self._next: bytes | None = None
        self._waiting: Connection | None = None

    def put(self, invocation: tuple[str, Any, int, str | None, str]) -> None:
        """Hand over an invocation; may be called from any thread."""
        request_id, event, deadline, trace_id, arn = invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
        }
        if trace_id:
            headers["Lambda-Runtime-Trace-Id"] = trace_id
        loop().call_soon_threadsafe(self._deliver, response(200, event, headers))

    def _deliver(self, invocation: bytes) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting.send(invocation)
        else:
            self._next = invocation

    def poll(self, connection: "Connection") -> None:
        """Send the next invocation to a connection, now or as soon as there is one."""
        if not self._worker._mark_first_poll(self._generation):
            connection.send(response(500, STOPPED))
            return
        invocation, self._next = self._next, None
        if invocation:
            connection.send(invocation)
        else:
            self._waiting = connection

    def record(self, path: str, body: bytes) -> bytes:
        """Record a result or an error; return the HTTP response."""
        try:
            result = json.loads(body)
        except ValueError:
            result = body.decode(errors="replace")
        if INIT_ERROR in path:
            self._worker._record_init_error(self._generation, result)
            return response(202)
        match = runtime._INVOCATION_RESULT_RE.search(path)
        if not match:
            return response(404)
        if self._worker._record_result(self._generation, *match.groups(), result):
            return response(202)
        return response(400, UNKNOWN_REQUEST)


class Connection(asyncio.Protocol):
    """A connection of a process, over which it polls for invocations and sends results."""

    def __init__(self) -> None:
        """Serve the environment that the path of a request names."""
        self._parser = httptools.HttpRequestParser(self)
        self._environment: Environment | None = None
        self._url, self._path, self._body = b"", "", b""

    def connection_made(self, transport: Any) -> None:
        """Store the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse received data; the parser calls the methods `on_…`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Append a piece of a request's URL."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Answer a client that asks before it sends a large body."""
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        """Find the environment; close the connection if the path names none."""
        name, _, self._path = self._url.decode("latin-1").removeprefix("/").partition("/")
        self._url = b""
        self._environment = _environments.get(name)
        if self._environment is None:
            self.send(response(403))
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        """Append a piece of a request's body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer a request."""
        body, self._body = self._body, b""
        if self._environment is None:
            return
        if self._parser.get_method() != b"GET":
            self.send(self._environment.record(self._path, body))
        elif NEXT in self._path:
            self._environment.poll(self)
        else:
            self.send(response(404))

    def send(self, data: bytes) -> None:
        """Send data; it is dropped if the process has ended."""
        self._transport.write(data)


class Registration:
    """Registers an environment at the shared server; replaces ministack's server per process."""

    def __init__(self, _address: tuple[str, int], environment: Environment) -> None:
        """Serve an environment under its own random name."""
        self._name = secrets.token_urlsafe(16)
        _environments[self._name] = environment
        # ministack makes the address `127.0.0.1:{port}` of this.
        with _opening:  # two threads must not start it twice
            port = _port()
        self.server_address = ("127.0.0.1", f"{port}/{self._name}")

    def serve_forever(self, poll_interval: float) -> None:
        """Return immediately: the shared server does the work of ministack's thread."""

    def shutdown(self) -> None:
        """Do nothing: see `server_close`."""

    def server_close(self) -> None:
        """Stop serving the environment. Its connections end with the process."""
        _environments.pop(self._name, None)


@cache
def _port() -> int:
    """Return the port of the shared server, which starts with the first call."""
    listening = socket.create_server(("127.0.0.1", 0))
    served = loop().create_server(Connection, sock=listening)
    asyncio.run_coroutine_threadsafe(served, loop()).result()
    port: int = listening.getsockname()[1]
    return port


def loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of the emulator."""
    running: asyncio.AbstractEventLoop = app._MAIN_LOOP
    return running


def response(status: int, document: Any = None, headers: dict[str, str] | None = None) -> bytes:
    """Return an HTTP response with a document as JSON."""
    body = b"" if document is None else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} ", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    lines += [f"Content-Length: {len(body)}", "Content-Type: application/json", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
