"""Loaded by Schemathesis: what a schema cannot say about a request.

`SOURCE_URL` is the test's server, so that no test sends requests to foreign servers.
"""

import os
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give a valid request a usable URL and no cursor, because a cursor cannot be generated."""
    valid = case.meta is None or case.meta.generation.mode.is_positive
    if isinstance(case.body, dict):
        body = {**_led_home(case.body, valid=valid)}
        if isinstance(body.get("sources"), list):
            body["sources"] = [
                _led_home(source, valid=valid) if isinstance(source, dict) else source
                for source in body["sources"]
            ]
        case.body = body
    if valid:
        case.query.pop("cursor", None)


def _led_home(body: dict[str, Any], *, valid: bool) -> dict[str, Any]:
    """Return the generated value with URLs of the test's server."""
    for name in ("imageUrl", "callbackUrl"):
        url = body.get(name)
        if isinstance(url, str) and (valid or url.startswith("http")):
            body = {**body, name: os.environ["SOURCE_URL"]}
    return body
