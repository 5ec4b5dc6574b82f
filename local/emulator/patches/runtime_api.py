"""The Runtime API: what an invocation costs beside its function.

Not a rule of AWS. Seven functions work on a task, with two requests each.
"""

from typing import Any

from ministack.core import lambda_runtime as runtime

from local.emulator.patches.replacing import Function, replace


def apply() -> None:
    """Apply the patches of this module."""
    answer_in_one_piece()


def answer_in_one_piece() -> None:
    """Read a request and send its answer with as little as AWS's own client needs.

    `http.server` parses headers as those of a mail, dates each answer, and sends headers and body
    apart: Nagle's algorithm keeps the body back, for 40 ms, until the headers are acknowledged.
    """

    def handler_class(original: Function) -> Function:
        def build(*args: Any) -> Any:
            handler: Any = original(*args)

            class Quick(handler):  # type: ignore[misc]  # made anew for each worker
                disable_nagle_algorithm = True
                # Written to a buffer, which is sent when the request is done.
                wbufsize = -1

                def parse_request(self) -> bool:
                    line = self.raw_requestline.decode("latin-1")
                    self.command, self.path, self.request_version = line.split()
                    self.headers = {}
                    while (line := self.rfile.readline().decode("latin-1").strip()) != "":
                        name, _, value = line.partition(":")
                        self.headers[name.title()] = value.strip()
                    self.close_connection = False
                    if self.headers.get("Expect", "").lower() == "100-continue":
                        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                        self.wfile.flush()
                    return True

                def send_response(self, code: int, message: str | None = None) -> None:
                    self._headers_buffer = [f"HTTP/1.1 {code} {message or ''}\r\n".encode()]

            return Quick

        return build

    replace(
        runtime.ProvidedWorker, "_build_handler_class", handler_class, has="BaseHTTPRequestHandler"
    )
