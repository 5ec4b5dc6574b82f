"""Redact URLs in messages, so that only scheme and host remain.

A path may contain a token (a chat's webhook URL does), a query a signature, and the part before the
host a password. The error message of a step is returned to the caller, stored in the history of the
execution, and logged by the runtime of Lambda. So it must not contain more of a URL.
"""

import contextlib
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

URL = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]+://\S*", re.IGNORECASE)
DATA = re.compile(r"\bdata:[a-z]*[/;,]\S*", re.IGNORECASE)
TARGET = re.compile(r"\burl: /\S*")
"""Path and query in an error of urllib3, which has the host in another place."""
SECRET = re.compile(r"secret|token|passw|authori[sz]ation|cookie|credential|signature", re.I)
"""Names of fields whose values are never shown."""
PUNCTUATION = "\"'.,;:!?)]}>"
"""Characters that may follow a URL in a sentence."""


def redacted_url(url: str) -> str:
    """Return the part of a URL that may be shown: "https://example.com/…"."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        return "…"
    address = f"[{host}]" if ":" in host else host
    root = f"{parts.scheme}://{address}" + (f":{port}" if port else "")
    return root if parts.path in {"", "/"} and not parts.query + parts.fragment else f"{root}/…"


def redacted(text: str) -> str:
    """Return a text with every URL replaced by `redacted_url(url)`."""

    def redact(found: re.Match[str]) -> str:
        url = found[0].rstrip(PUNCTUATION)
        return redacted_url(url) + found[0][len(url) :]

    text = URL.sub(redact, text)
    return TARGET.sub("url: /…", DATA.sub("data:…", text))


def redacted_data(value: Any) -> Any:
    """Return JSON data in which every text is `redacted`, and the value of a `SECRET` field "…"."""
    if isinstance(value, dict):
        return {
            redacted(name): "…" if SECRET.search(name) else redacted_data(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [redacted_data(part) for part in value]
    return redacted(value) if isinstance(value, str) else value


@contextlib.contextmanager
def redacted_errors() -> Iterator[None]:
    """Redact the messages of the exceptions that leave a function.

    The runtime of Lambda logs them without our formatter.
    """
    try:
        yield
    except Exception as error:
        message = redacted(str(error))
        if message != str(error):
            error.args = (message,)
        raise
