"""Download: copy the source into the bucket. The next steps pass keys to each other, never bytes.

In:     `{"taskId": "5b0c…", "attempt": 1, "source": {"imageUrl": "https://example.com/a.jpg"}}`
Out:    `{"sourceKey": "work/5b0c…/1/source"}`
Raises: SourceNotFound, SourceForbidden, SourceBlocked, SourceTooLarge, SourceUnavailable, NoSource,
        UnsupportedFormat
"""

import tempfile
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from darkroom.aws.s3 import Bucket, work_key
from darkroom.errors import NoSource, SourceTooLarge
from darkroom.runtime.metrics import measured, metrics
from darkroom.runtime.settings import Settings
from darkroom.runtime.step import step
from darkroom.sources.fetch import Limits, fetch

IN_MEMORY_BYTES = 16 * 1024 * 1024

settings = Settings.from_environment()
bucket = Bucket(settings.bucket_name)


@step
@measured("Download")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Fetch one source. If it is already in the bucket, only check its size."""
    source = event["source"]
    if "line" in source:
        raise NoSource(source["problem"])
    if "object" in source:
        is_upload = source["object"].startswith("uploads/")
        return _checked_size(source["object"], "The upload" if is_upload else "The object")
    if "uploadId" in source:  # stored by a release in which upload keys did not contain the owner
        return _checked_size(f"uploads/{source['uploadId']}", "The upload")
    key = work_key(event["taskId"], event["attempt"], "source")
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as body:
        size = fetch(
            source["imageUrl"],
            body,
            Limits(settings.max_source_bytes),
            allow_private=settings.allow_private_sources,
        )
        body.seek(0)
        bucket.put(key, body, "application/octet-stream")
    metrics.add_metric("BytesIn", MetricUnit.Bytes, size)
    return {"sourceKey": key}


def _checked_size(key: str, what: str) -> dict[str, Any]:
    size = bucket.size(key, what)
    if size > settings.max_source_bytes:
        raise SourceTooLarge(f"{what} has {size} bytes; the limit is {settings.max_source_bytes}.")
    metrics.add_metric("BytesIn", MetricUnit.Bytes, size)
    return {"sourceKey": key}
