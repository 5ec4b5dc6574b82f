"""Grayscale: convert the source to a gray image.

In:     `{"taskId": "5b0c…", "attempt": 1, "sourceKey": "work/5b0c…/1/source",
        "output": {"format": "auto", "quality": 90}}`
Out:    `{"key": "work/5b0c…/1/gray", "contentType": "image/jpeg", "extension": "jpg",
        "width": 4000, "height": 3000, "bytes": 812345, "sha256": "9f86…"}`
Raises: InvalidImage, UnsupportedFormat, ImageTooLarge
"""

from typing import Any

from darkroom.aws.s3 import Bucket, work_key
from darkroom.images.grayscale import grayscale
from darkroom.images.memory import enforced
from darkroom.runtime.metrics import measured
from darkroom.runtime.settings import Settings, memory_for_work, required
from darkroom.runtime.step import step

settings = Settings.from_environment()
bucket = Bucket(settings.bucket_name)
memory = memory_for_work()
heic = required("HEIC") == "true"


@step
@measured("Grayscale")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Convert one image."""
    with enforced(memory):
        gray = grayscale(
            bucket.get(event["sourceKey"]),
            output=event["output"]["format"],
            quality=event["output"]["quality"],
            max_pixels=settings.max_pixels,
            max_memory=memory,
            heic=heic,
        )
    key = work_key(event["taskId"], event["attempt"], "gray")
    return {
        "key": key,
        "contentType": gray.content_type,
        "extension": gray.extension,
        "width": gray.width,
        "height": gray.height,
        "bytes": len(gray.data),
        "sha256": bucket.put_bytes(key, gray.data, gray.content_type),
    }
