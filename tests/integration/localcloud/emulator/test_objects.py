"""S3 computes the requested checksums."""

import base64
import hashlib


def test_a_copy_has_the_checksum_that_was_asked_for(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="checksums")
    s3.put_object(Bucket="checksums", Key="source", Body=b"pixels", ChecksumAlgorithm="CRC32")
    expected = base64.b64encode(hashlib.sha256(b"pixels").digest()).decode()

    copied = s3.copy_object(
        Bucket="checksums",
        Key="copy",
        CopySource={"Bucket": "checksums", "Key": "source"},
        ChecksumAlgorithm="SHA256",
    )

    assert copied["CopyObjectResult"]["ChecksumSHA256"] == expected
    head = s3.head_object(Bucket="checksums", Key="copy", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == expected
