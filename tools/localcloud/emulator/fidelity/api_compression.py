"""API Gateway: compression of requests and responses.

Differences from AWS: docs/aws-differences.md, "API Gateway".
"""

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

from tools.localcloud.emulator.fidelity.api_gateway import LARGEST_EVENT
from tools.localcloud.emulator.replacing import Function, replaces

EXTENSION = "x-amazon-apigateway-minimum-compression-size"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
"""By content coding (RFC 9110, 8.4.1)."""
WINDOW_BITS = {"gzip": zlib.MAX_WBITS + 16, "deflate": zlib.MAX_WBITS}
"""By content coding: how zlib names its format."""
QUALITY = re.compile(r"[01](\.\d{0,3})?")
"""The weight of a coding (RFC 9110, 12.4.2)."""


@replaces(apigateway_v1, "_import_rest_api", has="_create_rest_api(data)")
def import_the_minimum_compression_size(
    original: Function, spec: Mapping[str, Any], base_data: Any = None
) -> Any:
    """Import `x-amazon-apigateway-minimum-compression-size`. ministack drops it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-openapi-minimum-compression-size.html
    """
    data = dict(base_data or {})
    if EXTENSION in spec:
        data["minimumCompressionSize"] = spec[EXTENSION]
    return original(spec, data)


@replaces(apigateway_v1, "_execute_in_scope", has='request["stage"] = stage')
async def decompress_requests(
    original: Function, request: dict[str, Any], api_id: str, stage_name: str, *args: Any
) -> Any:
    """Decompress the body of a request if the API compresses. ministack forwards it as it is.

    A body that cannot be decompressed is answered 415. AWS does not document the type of this
    gateway response.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-make-request-with-compressed-payload.html
    """
    method, path, headers, body, *more = args
    coding = apigateway_v1._header_ci(headers, "content-encoding").strip().lower()
    stage = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name)
    least = (apigateway_v1._rest_apis.get(api_id) or {}).get("minimumCompressionSize")
    if stage and least is not None and body and coding not in {"", "identity"}:
        body = decompressed(body, coding)
        if body is None:
            request["stage"] = stage  # whose gateway response is the answer
            error = apigateway_v1._gw_error("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
            error.status = 415
            return error
    return await original(request, api_id, stage_name, method, path, headers, body, *more)


def decompressed(body: bytes, coding: str) -> bytes | None:
    """Return the content of a body; None if it is not in this coding, or nobody supports it.

    Of content that is too large for a function only as much as shows that it is.
    """
    if coding not in WINDOW_BITS:
        return None
    decompressor = zlib.decompressobj(WINDOW_BITS[coding])
    try:
        content = decompressor.decompress(body, LARGEST_EVENT + 1)
    except zlib.error:
        return None
    return content if decompressor.eof or len(content) > LARGEST_EVENT else None


@replaces(apigateway_v1, "_handle_execute_in_scope", has="_gateway_error_response")
async def compress_responses(original: Function, api_id: str, *request: Any) -> Any:
    """Compress a response that is large enough for a client that accepts it. ministack never does.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-receive-response-with-compressed-payload.html
    """
    status, sent, body = await original(api_id, *request)
    _stage, _method, _path, headers, *_ = request
    least = (apigateway_v1._rest_apis.get(api_id) or {}).get("minimumCompressionSize")
    coding = best_coding(apigateway_v1._header_ci(headers, "accept-encoding"))
    content = body.encode() if isinstance(body, str) else body
    # A response of a function that is compressed already has a Content-Encoding.
    known = {name.lower() for name in sent}
    if least is None or not coding or len(content) < least or "content-encoding" in known:
        return status, sent, body
    kept = {name: value for name, value in sent.items() if name.lower() != "content-length"}
    return status, {**kept, "Content-Encoding": coding}, COMPRESS[coding](content)


def best_coding(accepted: str) -> str | None:
    """Return the content coding of a response; None: it is not compressed.

    The client's first choice has to be a coding that API Gateway supports. It does not compress for
    clients that name none, or `*`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-enable-compression.html

    Args:
        accepted: the header `Accept-Encoding`, for example `gzip;q=1.0, identity;q=0.5`.
    """
    choices: list[tuple[float, str]] = []
    for choice in accepted.lower().split(","):
        coding, _, weight = choice.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        choices.append((float(quality) if QUALITY.fullmatch(quality) else 0, coding.strip()))
    best, first = max(choices, key=lambda choice: choice[0])
    return first if best > 0 and first in COMPRESS else None
