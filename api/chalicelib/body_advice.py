"""What a body is that is not the JSON object which a route needs, and what to send instead.

API Gateway passes a body on as text. Bytes that are not UTF-8 have become U+FFFD in it.
"""

import re

BEGINNING = 200
"""Characters that decide what a body is."""
LONGEST_TYPE = 100
"""Characters of the media type that the client named."""
SEND = "Send a JSON object with Content-Type: application/json."
FILE = "Send a file by POST /uploads, and its uploadId in JSON."
MANY = 'For several sources send {"sources": […]} to POST /batches.'

JSON_IN_UTF_16_OR_32 = re.compile(r"[\ufeff\ufffd]*\0*[{\[]\0")
NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffd]")
FORM_FIELD = re.compile(r"[\w.%+\[\]-]+=")
URL = re.compile(r"https?://\S+", re.IGNORECASE)
SINGLE_QUOTES = re.compile(r"[{\[,:]\s*'")
MULTIPART = "a form (multipart/form-data)"
FILE_TYPES = ("image/", "video/", "audio/", "application/octet-stream", "application/pdf")
KINDS = {"[": "an array", '"': "a string", "n": "null", "t": "a boolean", "f": "a boolean"}
"""By the first character of a value in JSON; all others begin a number."""


def not_json(body: str, content_type: str, reason: str) -> str:
    """Return the message about a body that is not JSON.

    Args:
        body: of the request.
        content_type: the request's header, which may be missing or wrong: curl says it is a form.
        reason: the parser's message, with line and column.
    """
    text = body.lstrip()[:BEGINNING]
    kind = content_type.partition(";")[0].strip().lower()[:LONGEST_TYPE]
    if not text:
        return f"The body is empty. {SEND}"
    if JSON_IN_UTF_16_OR_32.match(text):
        return "The body is not UTF-8, the charset of JSON. Send it in UTF-8."
    if text[0] in "{[\"'":
        where = reason.replace("EOF while parsing", "it ends within")
        return f"The body is not valid JSON: {where}.{_hint(text, reason)}"
    found = _found(text, kind)
    advice = f"{SEND} {FILE}" if found.startswith(("a file", MULTIPART)) else SEND
    return f"The body is {found}, not JSON. {advice}"


def not_an_object(body: str) -> str:
    """Return the message about a body that is JSON, but not an object."""
    kind = KINDS.get(body.lstrip()[:1], "a number")
    message = f"The body must be a JSON object, not {kind}."
    return f"{message} {MANY}" if kind == "an array" else message


def _hint(text: str, reason: str) -> str:
    """Return what to correct, if the parser's message does not say it."""
    is_wrong_value = reason.startswith(("key must be a string", "expected value"))
    if text[0] == "'" or (is_wrong_value and SINGLE_QUOTES.search(text)):
        return " Put names and texts in double quotes."
    if reason.startswith("key must be a string"):
        return " Put the name of each field in double quotes."
    if reason.startswith("trailing characters"):
        return f" Send one object. {MANY}"
    return ""


def _found(text: str, kind: str) -> str:
    """Return what a body seems to be, by its first characters and its content type."""
    rules = (
        (kind == "multipart/form-data" or text.startswith("--"), MULTIPART),
        (kind.startswith(FILE_TYPES), f"a file ({kind})"),
        (NOT_TEXT.search(text), "a file"),
        (text.startswith("<"), "XML or HTML"),
        (URL.match(text), "only a URL"),
        (kind == "application/x-www-form-urlencoded" or FORM_FIELD.match(text), "a form"),
    )
    return next((found for applies, found in rules if applies), "text")
