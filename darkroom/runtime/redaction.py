"""What of a URL may be shown: its scheme and its host.

A path can be a token (the address of a chat's webhook is one), a query a signature, and what
comes before the host a password. An error of a step is shown to its caller, kept in the history of
its execution and logged by Lambda's runtime, all in the same words: so no message has more.
"""

import contextlib
import re
import urllib.parse
from collections.abc import Iterator

URL = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]+://\S*", re.IGNORECASE)
DATA = re.compile(r"\bdata:[a-z]*[/;,]\S*", re.IGNORECASE)
TARGET = re.compile(r"\burl: /\S*")
"""The path and the query in an error of urllib3, which names the host elsewhere."""
BEHIND = "\"'.,;:!?)]}>"
"""What may come after a URL in a sentence."""


def shown(url: str) -> str:
    """Return what may be shown of a URL: "https://example.com/…"."""
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
    """Return a text of a library or a service in which each URL is as `shown`."""

    def only_its_host(found: re.Match[str]) -> str:
        url = found[0].rstrip(BEHIND)
        return shown(url) + found[0][len(url) :]

    text = URL.sub(only_its_host, text)
    return TARGET.sub("url: /…", DATA.sub("data:…", text))


@contextlib.contextmanager
def redacted_errors() -> Iterator[None]:
    """Let no exception leave a function with more of a URL than may be shown.

    Lambda's runtime logs the message of what a handler raises, past our own log's formatter.
    """
    try:
        yield
    except Exception as error:
        message = redacted(str(error))
        if message != str(error):
            error.args = (message,)
        raise
