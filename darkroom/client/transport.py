"""HTTP as the client speaks it: what is sent again, how long it waits, how a refusal is told."""

import json
import random
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

TRIES = 7
"""Requests that are sent for one answer, before its refusal is told."""
MAX_DELAY = 10.0
"""Seconds between two of them at most, whatever `Retry-After` says."""
CONNECT_SECONDS, READ_SECONDS = 5.0, 35.0
"""A little more than the 29 s that API Gateway gives a request."""
MOST_BYTES = 6 * 1024**2 - 64 * 1024
"""Of a body within a string of JSON, which it is in what Lambda takes: 6 MiB with the headers and
what API Gateway says of the request (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""

# Refused before any work was done: even a POST may be sent again.
NOT_TAKEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
# The work may have been done, and its answer lost.
NO_ANSWER = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class ApiError(Exception):
    """The API, or S3, refused. `message` says what to do, `field` what in the request was wrong."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        """Take the parts of the answer."""
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field

    @property
    def lost(self) -> bool:
        """Whether the work may have been done, and only its answer was lost."""
        return self.status in NO_ANSWER


class Unreachable(Exception):
    """Nothing answered, or the connection broke; the message says where."""


class Api:
    """One API: JSON goes there and comes back. Threads may share it."""

    def __init__(
        self, url: str, key: str, *, proxies: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Connect to nothing yet. The arguments are those of `darkroom.client.Darkroom`."""
        self._url, self._sleep = url, sleep
        self._http = connection(proxies=proxies, base_url=url, headers={"x-api-key": key})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def json(self, method: str, path: str, *, repeatable: bool, **request: Any) -> Any:
        """Send a request and return the JSON of its answer.

        Raises:
            ApiError: as `send`; `NotJson`: whatever answers there, it is no Darkroom.
            Unreachable: as `send`.
        """
        return self._read(self._send(method, path, repeatable=repeatable, **request))

    def ask(
        self, path: str, query: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[Any, Mapping[str, str]]:
        """Send a GET; return its JSON, None for a 304, and the headers. Raises as `json`."""
        response = self._send("GET", path, repeatable=True, params=query, headers=headers)
        known = response.status_code == HTTPStatus.NOT_MODIFIED
        return None if known else self._read(response), response.headers

    def _send(self, method: str, path: str, *, repeatable: bool, **request: Any) -> httpx.Response:
        if not fits(request.get("json")):
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "RequestTooLarge",
                "The request has more than 6 MB. Upload the file and submit its uploadId instead.",
            )
        return send(self._http, method, path, repeatable=repeatable, sleep=self._sleep, **request)

    def _read(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise ApiError(
                response.status_code,
                "NotJson",
                f"What answers at {self._url} is not a Darkroom: its answer is not JSON.",
            ) from error


def path_of(*parts: str) -> str:
    """Return a path of the API, whatever its parts hold: "tasks", an id, "retry"."""
    return "".join(f"/{urllib.parse.quote(part, safe='', errors='replace')}" for part in parts)


def fits(body: Any) -> bool:
    """Whether the API takes a JSON body, as far as its size goes: see `MOST_BYTES`."""
    text = json.dumps(body, ensure_ascii=False)
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) <= MOST_BYTES


def connection(*, proxies: bool, **options: Any) -> httpx.Client:
    """Return a connection, kept alive; through a proxy of the environment only if `proxies`."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, trust_env=proxies, **options)


def send(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    repeatable: bool,
    sleep: Callable[[float], None] = time.sleep,
    **request: Any,
) -> httpx.Response:
    """Send a request until it is answered, as often as is safe and `TRIES` allows.

    Args:
        client: the connection.
        method: of HTTP.
        url: whole, or a path of the connection's base.
        repeatable: whether it does no harm, or nothing more, to send it twice.
        sleep: waits some seconds before it is sent again.
        request: as httpx takes it. A file is sent from its beginning each time.

    Raises:
        ApiError: refused, for good or `TRIES` times; `InvalidRequest`: not sent at all, since it
            has something in it that cannot be sent, such as half a character.
        Unreachable: no connection; or it broke, and the request is not repeatable.
    """
    again = NOT_TAKEN | NO_ANSWER if repeatable else NOT_TAKEN
    for attempt in range(1, TRIES + 1):
        try:
            response = client.request(method, url, **request)
        except (httpx.InvalidURL, ValueError) as error:
            message = f"This cannot be sent: {error}."
            raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidRequest", message) from error
        except httpx.TransportError as error:
            # A connection that was never made has carried no request.
            if attempt < TRIES and (repeatable or isinstance(error, httpx.ConnectError)):
                sleep(delay(attempt))
                continue
            raise Unreachable(_unreachable(client, url, error)) from error
        if response.status_code in again and attempt < TRIES:
            sleep(delay(attempt, response.headers.get("Retry-After")))
            continue
        if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
            return response
        raise _error(response)
    raise AssertionError  # the last attempt has returned or raised


def delay(attempt: int, retry_after: str | None = None) -> float:
    """Return the seconds to wait: what the server asked for, else growing and never twice alike."""
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), MAX_DELAY)
    return random.uniform(0.05, min(0.1 * 2**attempt, MAX_DELAY))  # noqa: S311


def _unreachable(client: httpx.Client, url: str, error: httpx.TransportError) -> str:
    host = httpx.URL(url).host or client.base_url.host
    port = (httpx.URL(url) if httpx.URL(url).host else client.base_url).port
    place = f"{host}:{port}" if port else host
    why = str(error) or type(error).__name__
    hint = " Is the local cloud up? `make up` starts it." if host == "127.0.0.1" else ""
    return f"{place} does not answer ({why}).{hint}"


def _error(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = None
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, dict):
        return ApiError(
            response.status_code,
            str(told.get("code", "")),
            str(told.get("message", "")),
            told.get("field"),
        )
    # API Gateway's own refusals may have a message only, S3's are XML.
    reason = response.reason_phrase
    code = _element("Code", response.text) or reason.replace(" ", "")
    said = body.get("message") if isinstance(body, dict) else _element("Message", response.text)
    message = f"The answer was {response.status_code} {reason}" + (f": {said}" if said else "")
    if response.status_code == HTTPStatus.FORBIDDEN:
        message = f"{message.rstrip('.')}. The API key is wrong, or the link has expired."
    return ApiError(response.status_code, code, message)


def _element(name: str, xml: str) -> str | None:
    """Return an element of S3's XML; two words of a small answer are no work for a parser."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    return found[1] if found else None
