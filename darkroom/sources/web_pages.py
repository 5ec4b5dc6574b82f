"""Recognise a web page that a server sent instead of an image, for example a login form.

Only the bytes count. The rule is that of browsers
(https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type), extended by
comments and an XML declaration before the first tag. SVG is not a web page.
"""

import re

HEAD_BYTES = 4096
"""How much of a file is needed for a decision."""
PAGE = re.compile(
    rb"(?:\s++|<!--.*?-->|<\?xml.*?\?>)*+"
    rb"<(?:!doctype html|html|head|meta|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)"
    rb"(?=[\s>/])",
    re.IGNORECASE | re.DOTALL,
)
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def is_web_page(head: bytes) -> bool:
    """Whether a file that begins with these bytes is HTML."""
    head = head[:HEAD_BYTES]
    if head.startswith(UTF16_BOMS):
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return bool(PAGE.match(head.removeprefix(UTF8_BOM)))
