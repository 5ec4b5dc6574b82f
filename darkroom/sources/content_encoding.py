"""Decompress responses that a server compressed although only `identity` was requested.

The output is produced in small pieces, so that a decompression bomb is stopped at the byte limit
and never needs more memory than a piece. https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator

from darkroom.errors import UnsupportedFormat

PIECE_BYTES = 64 * 1024
MAGIC_BYTES = 2
GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, 2.3.1
GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15
"""Values of zlib's `wbits`."""
DEFLATED = {"gzip", "x-gzip", "deflate"}
NOT_COMPRESSED = {"identity", "none", "binary", "8bit", "utf-8", "aws-chunked"}
"""`identity`, and what is not an encoding: people store such words with objects in S3."""
TOKEN = re.compile(r"[a-z0-9._-]{1,20}")


def decompressed(chunks: Iterable[bytes], encoding: str, source: str) -> Iterator[bytes]:
    """Yield the content of a response in pieces, decompressed if it was compressed.

    Content that is not compressed, whatever the header says, is yielded as it is.

    Args:
        chunks: the body.
        encoding: the header `Content-Encoding`; "" if there is none.
        source: the beginning of an error message, which names the source.

    Raises:
        UnsupportedFormat: the encoding is not gzip or deflate, or there are several.
        EOFError: the compressed data end too early.
        zlib.error: the compressed data are damaged.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name and name not in NOT_COMPRESSED]
    if not names:
        return iter(chunks)
    if len(names) > 1 or names[0] not in DEFLATED:
        shown = ", ".join(name if TOKEN.fullmatch(name) else "…" for name in names[:5])
        raise UnsupportedFormat(
            f"{source} sent the file with the Content-Encoding {shown}, which was not requested "
            "and is not supported. Only gzip and deflate are."
        )
    return _inflated(iter(chunks), names[0])


def _inflated(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    start = b""
    while len(start) < MAGIC_BYTES and (chunk := next(chunks, b"")):
        start += chunk
    chunks = itertools.chain([start] if start else [], chunks)
    window = _window(start, name)
    if not start or window is None:
        yield from chunks
        return
    inflater = zlib.decompressobj(window)
    for data in chunks:
        while True:
            piece = inflater.decompress(data, PIECE_BYTES)
            yield piece
            data = inflater.unconsumed_tail  # noqa: PLW2901 - what is left of this chunk
            if inflater.eof and inflater.unused_data.startswith(GZIP_MAGIC[:1]):
                # A file of gzip may have several members (RFC 1952, 2.2).
                data, inflater = inflater.unused_data, zlib.decompressobj(window)  # noqa: PLW2901
            elif inflater.eof or (not data and len(piece) < PIECE_BYTES):
                break
    if not inflater.eof:
        raise EOFError


def _window(start: bytes, name: str) -> int | None:
    """Return zlib's `wbits` for data that begin like this; None: they are not compressed."""
    if start.startswith(GZIP_MAGIC):
        return GZIP
    # The first two bytes as RFC 1950, 2.2 defines them. No image begins like that.
    if len(start) >= MAGIC_BYTES and start[0] & 15 == 8 and int.from_bytes(start[:2]) % 31 == 0:  # noqa: PLR2004
        return ZLIB
    return RAW_DEFLATE if name == "deflate" else None
