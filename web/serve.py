"""The pages for people, and the files that they load.

    GET /                        site/index.html, in which `{version}` stands for the files' own
    GET /docs                    site/docs.html, the same way: the description of the API, to read
    GET /openapi.json            site/openapi.json, for programs
    GET /page/{version}/{file}   a file of site/, which a browser may keep for ever

A function of its own, for nobody needs a key to load them: its role may read and write nothing.
The version is a digest of all files, so that after a deployment no browser mixes old and new.
"""

import hashlib
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
FOR_EVER = "public, max-age=31536000, immutable"
"""A file's address has its version: what is there never changes (RFC 8246)."""
ASK_EACH_TIME = "no-cache"

Answer = dict[str, Any]

origin = os.environ["FILES_ORIGIN"]
files = {path.name: path.read_text("utf-8") for path in sorted(SITE.iterdir())}
version = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:16]
security = {
    # Images may come from anywhere, since sources do; all else from here, but for what the browser
    # sends to the bucket. Text can never become markup: trusted types are asked for, none is made.
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


def handler(event: Mapping[str, Any], _context: object) -> Answer:
    """Answer a request that API Gateway passed on (REST API, Lambda proxy)."""
    if asked := event.get("pathParameters"):
        return _file(asked["file"], asked["version"])
    path: str = event["requestContext"]["path"]
    if event["resource"] == "/" and not path.endswith("/"):
        # All addresses of the page are relative, so the stage's name must count as a folder.
        return _answer(308, "", {"Location": path.rpartition("/")[2] + "/"})
    return _current(PAGES[event["resource"]], event.get("headers") or {})


def _current(name: str, headers: Mapping[str, str]) -> Answer:
    """Return what may be another after a deployment, unless the client has it."""
    told = {
        "Content-Type": TYPES[Path(name).suffix],
        "Cache-Control": ASK_EACH_TIME,
        "ETag": f'"{version}"',
    }
    known = {name.lower(): value for name, value in headers.items()}
    if f'"{version}"' in known.get("if-none-match", ""):
        return _answer(304, "", told)
    return _answer(200, files[name].replace("{version}", version), told)


def _file(name: str, asked_version: str) -> Answer:
    if name not in files:
        error = {"code": "NotFound", "message": "The page has no such file. Load it again."}
        return _answer(404, json.dumps({"error": error}), {"Content-Type": "application/json"})
    # A page from before a deployment gets what there is now, but must not keep it.
    keep = FOR_EVER if asked_version == version else ASK_EACH_TIME
    told = {"Content-Type": TYPES[Path(name).suffix], "Cache-Control": keep}
    return _answer(200, files[name], told)


def _answer(status: int, body: str, headers: Mapping[str, str]) -> Answer:
    return {"statusCode": status, "headers": {**security, **headers}, "body": body}
