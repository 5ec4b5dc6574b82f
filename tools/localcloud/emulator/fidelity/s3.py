"""S3: the checksum of a copy.

Differences from AWS: docs/aws-differences.md, "IAM, S3 and CloudWatch".
"""

from typing import Any

from ministack.services import s3

from tools.localcloud.emulator.replacing import Function, replaces


@replaces(s3, "_copy_object", has='headers.get("x-amz-sdk-checksum-algorithm")')
def compute_the_checksum_of_a_copy(
    original: Function, bucket: str, key: str, headers: dict[str, Any]
) -> Any:
    """CopyObject computes the checksum that `x-amz-checksum-algorithm` names.

    ministack copies the source's checksum, if there is one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    if not algorithm:
        return original(bucket, key, headers)
    status, answer, body = original(
        bucket, key, {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
    )
    if status == 200:  # noqa: PLR2004
        checksum = s3._buckets[bucket]["objects"][key]["checksums"][algorithm]
        element = f"<Checksum{algorithm}>{checksum}</Checksum{algorithm}>"
        end = b"</CopyObjectResult>"
        body = body.replace(end, element.encode() + end)
    return status, answer, body
