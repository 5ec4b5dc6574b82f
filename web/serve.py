"""Serves the pages and the files that they load.

    GET /                        site/index.html; `{version}` in it becomes the version of the files
                                 and `{root}` the path of the API, so that it makes no difference
                                 whether the address ends with a slash
    GET /docs                    site/docs.html, in the same way: the API documentation
    GET /openapi.json            site/openapi.json, for programs
    GET /page/{version}/{file}   a file of site/, which a browser may cache forever
    GET /page/{version}/{file}/{name}
                                 a file of one of its folders: `{file}` is the folder, because
                                 API Gateway allows one variable at each place of a path

It is a separate function because these routes need no key: its role has no access to data. The
version is a digest of all files, so that a browser never mixes files of two deployments.
"""

import hashlib
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SITE = Path(__file__).parent / "site"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGES = {"/": "index.html", "/docs": "docs.html", "/openapi.json": "openapi.json"}
IMMUTABLE = "public, max-age=31536000, immutable"
"""The address of a file contains its version, so its content never changes (RFC 8246)."""
REVALIDATE = "no-cache"

Response = dict[str, Any]

origin = os.environ["FILES_ORIGIN"]
files = {
    path.relative_to(SITE).as_posix(): path.read_text("utf-8")
    for path in sorted(SITE.rglob("*"))
    if path.is_file()
}
version = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:16]
security = {
    # Images may come from any host, because sources do. Everything else comes from this host,
    # except uploads to the bucket. Trusted types are required but none exists: no text becomes
    # markup.
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data: https: http:",
            f"connect-src 'self' {origin}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Handle a request of API Gateway (REST API, Lambda proxy integration)."""
    if parameters := event.get("pathParameters"):
        name = "/".join(parameters[part] for part in ("file", "name") if part in parameters)
        return _file(name, parameters["version"])
    # The stage, or the base path of a custom domain, and then the path of the route.
    path: str = event["requestContext"]["path"]
    root = path.rstrip("/").removesuffix(event["resource"].rstrip("/"))
    return _current(PAGES[event["resource"]], root, event.get("headers") or {})


def _current(name: str, root: str, headers: Mapping[str, str]) -> Response:
    """Return a file that may change with a deployment, unless the client has this version."""
    sent = {
        "Content-Type": TYPES[Path(name).suffix],
        "Cache-Control": REVALIDATE,
        # A weak one: API Gateway may compress the response (RFC 9110, 8.8.1).
        "ETag": f'W/"{version}"',
    }
    known = {name.lower(): value for name, value in headers.items()}
    if f'"{version}"' in known.get("if-none-match", ""):
        return _respond(304, "", sent)
    body = files[name].replace("{version}", version).replace("{root}", html.escape(root))
    return _respond(200, body, sent)


def _file(name: str, asked_version: str) -> Response:
    if name not in files:
        error = {"code": "NotFound", "message": "The page has no such file. Reload the page."}
        return _respond(404, json.dumps({"error": error}), {"Content-Type": "application/json"})
    # A page of an older deployment gets the current file, but must not cache it.
    cache = IMMUTABLE if asked_version == version else REVALIDATE
    sent = {"Content-Type": TYPES[Path(name).suffix], "Cache-Control": cache}
    return _respond(200, files[name], sent)


def _respond(status: int, body: str, headers: Mapping[str, str]) -> Response:
    always = {**security, "Vary": "Accept-Encoding"}
    return {"statusCode": status, "headers": {**always, **headers}, "body": body}
