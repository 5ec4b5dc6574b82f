"""Requests that no normal client sends: valid HTTP with arbitrary content. Made from a seed."""

import base64
import http.client
import json
import random
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message

from tests.support.fakes.sources import JPEG

ID = "00000000-0000-4000-8000-000000000000"
DATA_URL = "data:image/jpeg;base64," + base64.b64encode(JPEG[:600]).decode()
# None of these URLs can be fetched, because a mutated one could belong to a foreign server.
BODIES = [
    {"imageUrl": DATA_URL, "name": "malformed", "output": {"format": "png", "quality": 50}},
    {"uploadId": ID, "name": "malformed"},
]
NUMBERS = ["1e999", "-1e999", "NaN", "Infinity", "-0", "1.5", "9" * 400, "0x10", "1_0", "01", "1."]
TEXTS = [
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202egnp.exe",
    "\ufeff",
    "\uffff",
    "e" + "\u0301" * 500,
    "\U0001f469\u200d\U0001f680",
    "١٢٣",
    "'; DROP TABLE tasks; --",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "../" * 30,
    " ",
    "",
    "x" * 201,
    "%00",
    "\r\nX-Injected: 1",
]
URLS = [
    "file:///etc/passwd",
    "gopher://x/_",
    "javascript:alert(1)",
    "http://",
    "http://[::1",
    "http://a:b@x/",
    "http://x:99999/",
    "http://x:0/",
    "http:///x",
    "//x/y",
    "http://x y/",
    "http://x\\y/",
    "http://\0/",
    "data:",
    "data:,",
    "data:image/png;base64",
    "data:image/png;base64,",
    "data:image/png;base64,ÄÖÜ",
    "data:image/png;base64,AAA",
    "data:image/png,%89PNG",
    "data:text/html;base64,PGI+",
    "data:image/" + "x" * 300 + ";base64,AAAA",
    "DATA:IMAGE/PNG;BASE64,====",
]
CONTENT_TYPES = [
    "text/html",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "application/json; charset=utf-16",
    "application/octet-stream",
    "application/xml",
    "image/png",
    "*/*",
    ";",
    "",
    "application/json, text/html",
    "x" * 1000,
]
METHODS = ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]
SEGMENTS = ["tasks", "uploads", "health", "retry", "cancel", ID, "..", ".", "%2e", "%00", "", "~"]
ODD = ["\xe4\xf6", "a b", "", "x" * 256, "x" * 4000, "%00", "null", '"', "\t", ","]
CURSORS = [[], [1, 2], ["a", "b"], {"a": 1}, ["", ""], ["x" * 200, ID]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str


@dataclass(frozen=True)
class Malformed:
    kind: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, api_url: str, key: str) -> Answer:
        """Send exactly these bytes, which a client library would not do."""
        place = urllib.parse.urlsplit(api_url)
        headers = {"Host": place.netloc, "x-api-key": key, "Connection": "close"} | self.headers
        lines = [f"{self.method} {place.path}{self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        with socket.create_connection((place.hostname or "", place.port or 80), 30) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1") + self.body)
            response = http.client.HTTPResponse(connection, method=self.method)
            response.begin()
            return Answer(response.status, response.headers, response.read().decode())


def requests(seed: int, count: int) -> Iterator[Malformed]:
    """Malformed requests; the same seed gives the same ones."""
    chance = random.Random(seed)
    for index in range(count):
        yield KINDS[index % len(KINDS)](chance)


def _post(kind: str, body: bytes, path: str = "/tasks", **headers: str) -> Malformed:
    headers.setdefault("Content-Type", "application/json")
    return Malformed(kind, "POST", path, body, headers)


def _mutated(chance: random.Random) -> Malformed:
    """A valid body with some bytes changed, left out or doubled."""
    body = bytearray(json.dumps(chance.choice(BODIES)).encode())
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randint(1, 30)]
            case 2:
                body[at:at] = body[at : at + chance.randint(1, 30)]
            case _:
                body[at:at] = bytes([chance.choice(b'"{}[],:\\\0\xff')])
        body = body or bytearray(b"{")
    return _post("mutated", bytes(body))


def _wrong_value(chance: random.Random) -> Malformed:
    """A field with a number, text or structure that it should not have."""
    body = dict(chance.choice(BODIES))
    name = chance.choice([*body, "output", "surprise"])
    value: str = chance.choice(
        [
            chance.choice(NUMBERS),
            json.dumps(chance.choice(TEXTS)),
            json.dumps(chance.choice(URLS)),
            chance.choice(["null", "true", "[]", "{}", "[null]", '{"quality": 1e2}']),
            f'{{"quality": {chance.choice(NUMBERS)}}}',
        ]
    )
    body.pop(name, None)
    fields = [f"{json.dumps(key)}: {json.dumps(rest)}" for key, rest in body.items()]
    fields.insert(chance.randint(0, len(fields)), f'"{name}": {value}')
    return _post("wrong value", ("{" + ", ".join(fields) + "}").encode())


def _hostile_url(chance: random.Random) -> Malformed:
    return _post("hostile URL", json.dumps({"imageUrl": chance.choice(URLS)}).encode())


def _cut_data_url(chance: random.Random) -> Malformed:
    url = DATA_URL[: chance.randint(5, len(DATA_URL))] + chance.choice(["", "=", "==", "===", "ä"])
    return _post("cut data URL", json.dumps({"imageUrl": url}, ensure_ascii=False).encode())


def _doubled_key(chance: random.Random) -> Malformed:
    value = json.dumps(chance.choice([*URLS, *TEXTS]))
    body = f'{{"imageUrl": {value}, "imageUrl": 1, "uploadId": "{ID}", "uploadId": {value}}}'
    return _post("doubled key", body.encode())


def _bytes(chance: random.Random) -> Malformed:
    """Invalid UTF-8, other encodings, or arbitrary bytes."""
    good = json.dumps(chance.choice(BODIES))
    body = chance.choice(
        [
            good.encode("utf-16"),
            good.encode("utf-8-sig"),
            good.replace("malformed", "\xe4").encode("latin-1"),
            b'{"name": "\xed\xa0\x80", "uploadId": "' + ID.encode() + b'"}',
            chance.randbytes(chance.randint(1, 400)),
            b"\0" * chance.randint(1, 400),
            JPEG,
            b"\x1f\x8b\x08" + chance.randbytes(50),
        ]
    )
    return _post("bytes", body, chance.choice(["/tasks", "/uploads"]))


def _deep_or_huge(chance: random.Random) -> Malformed:
    size = 10 ** chance.randint(2, 6)
    body = chance.choice(
        [
            "[" * size,
            '{"a":' * (size // 5),
            '{"output":' * (size // 10) + "1",
            f'{{"{"k" * size}": 1}}',
            f'{{"name": "{"n" * size}", "uploadId": "{ID}"}}',
            f'{{"imageUrl": "http://x/{"u" * (size + 2100)}"}}',  # over the limit: never fetched
            "9" * size,
            "{" + ",".join(f'"f{i}":{i}' for i in range(size // 10)) + "}",
        ]
    )
    return _post("deep or huge", body.encode())


def _header(chance: random.Random) -> Malformed:
    odd = chance.choice(ODD)
    name = chance.choice(
        ["Idempotency-Key", "Accept", "Accept-Encoding", "Content-Encoding", "X-Forwarded-For"]
    )
    body = chance.choice([b"", b"{}", json.dumps({"uploadId": "x"}).encode()])
    return _post("header", body, **{name: odd, "Content-Type": chance.choice(CONTENT_TYPES)})


def _place(chance: random.Random) -> Malformed:
    """An unknown method or path."""
    path = "/" + "/".join(chance.choices(SEGMENTS, k=chance.randint(1, 5)))
    method = chance.choice([*METHODS, "GET", "POST"])
    body = b"" if method in {"GET", "HEAD"} else b"{}"
    types = {"Content-Type": chance.choice(CONTENT_TYPES)}
    return Malformed("place", method, path, body, types)


def _query(chance: random.Random) -> Malformed:
    def text() -> str:
        odd = chance.choice([*TEXTS, *NUMBERS, "0", "-1", "5", "PENDING", "pending", "a" * 5000])
        return urllib.parse.quote(odd.encode("utf-8", "surrogatepass"))

    names = ["limit", "cursor", "status", "name", "limit%00", "", "[]", "limit[]", "__proto__"]
    pairs = [f"{chance.choice(names)}={text()}" for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.3:  # a well-formed cursor with meaningless content
        inner = json.dumps(chance.choice(CURSORS))
        pairs.append("cursor=" + base64.urlsafe_b64encode(inner.encode()).decode().rstrip("="))
    return Malformed("query", "GET", "/tasks?" + chance.choice("&&&;").join(pairs))


KINDS: list[Callable[[random.Random], Malformed]] = [
    _mutated,
    _wrong_value,
    _hostile_url,
    _cut_data_url,
    _doubled_key,
    _bytes,
    _deep_or_huge,
    _header,
    _place,
    _query,
]
