"""Upload: publish the gray image as the task's result, and verify the stored object.

In:     `{"taskId": "5b0c…", "attempt": 1, "gray": {…the output of Grayscale…}}`
Out:    `{"key": "results/5b0c…/1.jpg", "contentType": "image/jpeg", "width": 4000, "height": 3000,
        "bytes": 812345, "sha256": "9f86…"}`
Raises: ResultCorrupted
"""

from typing import Any

from darkroom.aws.s3 import Bucket, result_key
from darkroom.runtime.metrics import measured
from darkroom.runtime.settings import Settings
from darkroom.runtime.step import step

bucket = Bucket(Settings.from_environment().bucket_name)


@step
@measured("Upload")
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Publish one result."""
    gray = event["gray"]
    key = result_key(event["taskId"], event["attempt"], gray["extension"])
    bucket.publish(gray["key"], key, gray["bytes"], gray["sha256"])
    fields = ("contentType", "width", "height", "bytes", "sha256")
    return {"key": key, **{name: gray[name] for name in fields}}
