"""The HTTP requests of the client: retries, waits between them, and errors from responses."""

import json
import random
import re
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from darkroom.client.errors import NO_ANSWER, NOT_TAKEN, ApiError, Unreachable

TRIES = 7
"""Attempts for one request before its error is raised."""
MAX_DELAY = 10.0
"""Maximum wait in seconds between two attempts, also if `Retry-After` is longer."""
TIMEOUT = httpx.Timeout(35.0, connect=5.0)
"""Seconds: more than the 29 s after which API Gateway ends a request."""
MOST_BYTES = 6 * 1024**2 - 64 * 1024
"""Maximum size of a request body after it was encoded as a JSON string.

API Gateway sends it to Lambda that way, in an event of at most 6 MiB with headers and context:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


class Server:
    """Sends requests to a server and retries them. Thread-safe; keeps its connections alive."""

    def __init__(
        self, *, proxies: bool, sleep: Callable[[float], None] = time.sleep, **options: Any
    ) -> None:
        """Store the settings. `sleep` waits for some seconds; `options` are those of httpx."""
        self.sleep = sleep
        self._http = connection(proxies=proxies, **options)
        self.close = self._http.close

    def send(self, method: str, url: str, *, repeatable: bool, **request: Any) -> httpx.Response:
        """Send a request and return the response; retry it when that is safe, up to `TRIES` times.

        Args:
            method: the HTTP method.
            url: absolute, or a path relative to the base URL.
            repeatable: whether the request may be sent twice without a further effect.
            request: options of httpx. A file is sent from its beginning in each attempt.

        Raises:
            ApiError: the server refused it, also after retries; `InvalidRequest`: it was not sent,
                because it cannot be encoded: it has a lone surrogate, for example.
            Unreachable: no connection, or it broke and the request is not repeatable.
        """
        again = NOT_TAKEN | NO_ANSWER if repeatable else NOT_TAKEN
        for attempt in range(1, TRIES + 1):
            try:
                response = self._http.request(method, url, **request)
            except (httpx.InvalidURL, ValueError) as error:
                message = f"The request is not valid and was not sent: {error}."
                raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidRequest", message) from error
            except httpx.TransportError as error:
                # Without a connection the request has had no effect.
                if attempt < TRIES and (repeatable or isinstance(error, httpx.ConnectError)):
                    self.sleep(delay(attempt))
                    continue
                raise Unreachable(_unreachable(self._http.base_url.join(url), error)) from error
            if response.status_code in again and attempt < TRIES:
                self.sleep(delay(attempt, response.headers.get("Retry-After")))
                continue
            if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
                return response
            raise _error(response)
        raise AssertionError  # the last attempt returns or raises


class Api(Server):
    """Sends and receives the JSON of one API. A path is given in unescaped parts."""

    def json(
        self, method: str, *path: str, repeatable: bool, field: str | None = None, **request: Any
    ) -> Any:
        """Send a request and return the JSON of the response, an object with a `field`.

        Raises:
            ApiError: as `send`; `NotJson`, `NotDarkroom`: the server is not a Darkroom.
            Unreachable: as `send`.
        """
        if not fits(request.get("json")):
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "RequestTooLarge",
                "The request is larger than 6 MB. Upload the file and submit its uploadId instead.",
            )
        response = self.send(method, _escaped(path), repeatable=repeatable, **request)
        body = self._read(response)
        if field and not (isinstance(body, dict) and field in body):
            raise self._not_darkroom(response, "NotDarkroom", f"its response has no {field}")
        return body

    def delete(self, *path: str) -> None:
        """Send a DELETE. After a lost response, a 404 means that the first one was successful.

        Raises:
            ApiError, Unreachable: as `send`.
        """
        url = _escaped(path)
        try:
            self.send("DELETE", url, repeatable=False)
        except (ApiError, Unreachable) as error:
            if isinstance(error, ApiError) and error.status not in NO_ANSWER:
                raise
            self._delete_again(url)

    def _delete_again(self, url: str) -> None:
        try:
            self.send("DELETE", url, repeatable=True)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def get_if_changed(
        self, *path: str, query: Mapping[str, Any], version: str
    ) -> tuple[Any, Mapping[str, str]]:
        """Send a GET; return the JSON (None if it has this ETag) and the headers, as `json`."""
        headers = {"If-None-Match": version} if version else {}
        response = self.send("GET", _escaped(path), repeatable=True, params=query, headers=headers)
        unchanged = response.status_code == HTTPStatus.NOT_MODIFIED
        return None if unchanged else self._read(response), response.headers

    def _read(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise self._not_darkroom(response, "NotJson", "its response is not JSON") from error

    def _not_darkroom(self, response: httpx.Response, code: str, reason: str) -> ApiError:
        url = str(self._http.base_url).rstrip("/")
        message = f"The server at {url} is not a Darkroom: {reason}. Check the address."
        return ApiError(response.status_code, code, message)


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def pages(get: Callable[[dict[str, Any]], Any], query: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the pages of a list, each when it is needed; `get` returns the page of a query."""
    page = get({**query})
    yield page
    while cursor := page.get("cursor"):
        page = get({**query, "cursor": cursor})
        yield page


def _escaped(path: Iterable[str]) -> str:
    return "".join(f"/{urllib.parse.quote(part, safe='', errors='replace')}" for part in path)


def fits(body: Any) -> bool:
    """Whether a JSON body is small enough for the API: see `MOST_BYTES`."""
    text = json.dumps(body, ensure_ascii=False)
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) <= MOST_BYTES


def connection(
    *, proxies: bool, timeout: httpx.Timeout | float = TIMEOUT, **options: Any
) -> httpx.Client:
    """Return a client for HTTP; it uses the proxies of the environment only if `proxies`."""
    return httpx.Client(timeout=timeout, trust_env=proxies, **options)


def delay(attempt: int, retry_after: str | None = None) -> float:
    """Return the seconds to wait: those of `Retry-After`, or exponential backoff with jitter."""
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), MAX_DELAY)
    return random.uniform(0.05, min(0.1 * 2**attempt, MAX_DELAY))  # noqa: S311


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> str:
    server = f"{url.host}:{url.port}" if url.port else url.host
    reason = str(error) or type(error).__name__
    advice = "Check the address and the network."
    if url.host == "127.0.0.1":
        advice = "Start the local cloud with `make up`."
    return f"{server} does not answer ({reason}). {advice}"


def _error(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return ApiError(
            response.status_code,
            str(error.get("code", "")),
            str(error.get("message", "")),
            error.get("field"),
        )
    # An error of API Gateway itself may have only a message; an error of S3 is XML.
    reason = response.reason_phrase
    code = _element("Code", response.text) or reason.replace(" ", "")
    detail = body.get("message") if isinstance(body, dict) else _element("Message", response.text)
    message = f"The server returned {response.status_code} {reason}"
    message += f": {detail}" if detail else ""
    if response.status_code == HTTPStatus.FORBIDDEN:
        message = f"{message.rstrip('.')}. The API key is wrong, or the link has expired."
    elif response.status_code == HTTPStatus.NOT_FOUND and not response.text.startswith("<"):
        message = f"{message.rstrip('.')}. Check the address."
    return ApiError(response.status_code, code, message)


def _element(name: str, xml: str) -> str | None:
    """Return the text of an element of S3's XML, which is too simple to need a parser."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    return found[1] if found else None
