"""The bucket: the keys of all files, and every call to S3.

    uploads/{owner}/{uploadId}          a file that a client uploaded; kept for 15 days
    work/{taskId}/{attempt}/source      the output of Download; kept for a day
    work/{taskId}/{attempt}/gray        the output of Grayscale; kept for a day
    results/{taskId}/{attempt}.{ext}    the result
    batches/{batchId}/{copy}            a manifest as it was uploaded; kept for 15 days
    batches/{batchId}/manifest.jsonl    the entries of a batch, one per line; kept for 15 days
    imports/{owner}/…                   objects for batches, from the caller; kept for 15 days

Every put and copy requests a SHA-256 checksum from S3. A task is COMPLETED only if it matches
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
"""

import base64
import contextlib
import datetime
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import IO, Any

from botocore.exceptions import ClientError
from botocore.handlers import add_expect_header

from darkroom.aws.clients import client
from darkroom.errors import ResultCorrupted, ServiceUnavailable, SourceNotFound
from darkroom.runtime.clock import timestamp

CHUNK_BYTES = 1024 * 1024
NOT_FOUND = {"404", "NoSuchKey", "403", "AccessDenied"}
"""S3 answers 403 for a missing object if the function may not list the bucket. A HEAD response has
no body that could name the error
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html)."""
LINK_SECONDS = 3600
"""How long a presigned link or form is valid."""


def upload_key(owner: str, upload_id: str) -> str:
    """Return the key of a caller's upload.

    It contains the owner, so that the id of another caller's upload leads to no object.
    """
    return f"uploads/{owner}/{upload_id}"


def work_key(task_id: str, attempt: int, name: str) -> str:
    """Return the key of the file that a step of an attempt passes to the next step."""
    return f"work/{task_id}/{attempt}/{name}"


def result_key(task_id: str, attempt: int, extension: str) -> str:
    """Return the key of the result of an attempt."""
    return f"results/{task_id}/{attempt}.{extension}"


def files_of_task(task_id: str) -> list[str]:
    """Return the beginnings of the keys of all files that the attempts of a task write."""
    return [f"work/{task_id}/", f"results/{task_id}/"]


def files_of_batch(batch_id: str) -> list[str]:
    """Return the beginning of the keys of a batch's manifests."""
    return [f"batches/{batch_id}/"]


def manifest_key(batch_id: str) -> str:
    """Return the key of the entries that a batch's Map Run reads: see `batches.manifests`."""
    return f"batches/{batch_id}/manifest.jsonl"


def uploaded_manifest_key(batch_id: str) -> str:
    """Return a key for the copy of a manifest, which is made when its batch is accepted.

    The key is new each time. So if two requests have the same idempotency key, the second one
    cannot replace the manifest of the first one's batch.
    """
    return f"batches/{batch_id}/{uuid.uuid4()}"


def import_key(owner: str, name: str) -> str:
    """Return the key, or the beginning of keys, of objects that a caller provides for batches."""
    return f"imports/{owner}/{name}"


class Bucket:
    """The one private bucket."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._s3 = client(
            "s3",
            signature_version="s3v4",
            s3={
                # Each body has a checksum already. A signature would hash it a second time.
                "payload_signing_enabled": False,
                # Links and forms must contain the region of the bucket. In the first hours of a
                # bucket the global host redirects to the region, but a signature is only valid for
                # one host (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html).
                "addressing_style": "virtual",
                "us_east_1_regional_endpoint": "regional",
            },
            connect_timeout=3,
            read_timeout=20,
        )
        # By default the SDK asks S3 for permission before it sends a body (`Expect: 100-continue`),
        # waits, and reads the response byte by byte: 50 system calls and a round trip per put.
        self._s3.meta.events.unregister("before-call.s3", add_expect_header)

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        """Store an object. S3 compares its SHA-256 with the one that the SDK sends."""
        self._put(key, body, content_type, ChecksumAlgorithm="SHA256")

    def put_bytes(self, key: str, body: bytes, content_type: str) -> str:
        """Store an object and return its SHA-256 in hexadecimal."""
        digest = hashlib.sha256(body).digest()
        self._put(key, body, content_type, ChecksumSHA256=base64.b64encode(digest).decode())
        return digest.hex()

    def _put(self, key: str, body: bytes | IO[bytes], content_type: str, **checksum: str) -> None:
        self._s3.put_object(
            Bucket=self._name, Key=key, Body=body, ContentType=content_type, **checksum
        )

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        body: bytes = self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
        return body

    def chunks(self, key: str, what: str) -> Iterator[bytes]:
        """Yield an object's bytes in chunks, so that a large object needs little memory.

        Raises:
            SourceNotFound: as for `size`.
        """
        with _missing_as_source_not_found(what):
            body = self._s3.get_object(Bucket=self._name, Key=key)["Body"]
        yield from body.iter_chunks(CHUNK_BYTES)

    def upload_form(self, key: str, content_type: str, max_bytes: int) -> dict[str, Any]:
        """Return `url`, `fields` and `expiresAt` of a form that uploads one file to a key.

        S3 refuses a file that is empty, larger than `max_bytes` or of another type
        (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
        """
        form = self._s3.generate_presigned_post(
            self._name,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=LINK_SECONDS,
        )
        return {"url": form["url"], "fields": form["fields"], "expiresAt": _after(LINK_SECONDS)}

    def size(self, key: str, what: str) -> int:
        """Return the size of an object in bytes.

        Args:
            key: of the object.
            what: the subject of the error message, for example "The upload".

        Raises:
            SourceNotFound: the object does not exist, or was deleted because it was too old.
        """
        with _missing_as_source_not_found(what):
            head = self._s3.head_object(Bucket=self._name, Key=key)
        size: int = head["ContentLength"]
        return size

    def copy(self, source: str, target: str, what: str) -> None:
        """Copy an object in its present state.

        Raises:
            SourceNotFound: as for `size`.
        """
        with _missing_as_source_not_found(what):
            self._copy(source, target)

    def _copy(self, source: str, target: str) -> None:
        self._s3.copy_object(
            Bucket=self._name,
            Key=target,
            CopySource={"Bucket": self._name, "Key": source},
            ChecksumAlgorithm="SHA256",
        )

    def publish(self, source: str, target: str, size: int, sha256: str) -> None:
        """Copy an object inside S3 and verify the copy.

        Args:
            source: key of the object to copy.
            target: key of the copy. An existing object is replaced.
            size: the expected size of the copy in bytes.
            sha256: the expected checksum of the copy, in hexadecimal.

        Raises:
            ResultCorrupted: the copy has another size or checksum.
        """
        self._copy(source, target)
        head = self._s3.head_object(Bucket=self._name, Key=target, ChecksumMode="ENABLED")
        expected = base64.b64encode(bytes.fromhex(sha256)).decode()
        if head["ContentLength"] != size or head.get("ChecksumSHA256") != expected:
            raise ResultCorrupted(
                f"{target} has {head['ContentLength']} bytes. Its size or checksum differs from "
                f"the image that was made ({size} bytes)."
            )

    def erase(self, prefixes: Iterable[str]) -> int:
        """Delete all objects whose keys begin with one of these, and return their number.

        All versions of them are deleted, if somebody has turned on versioning. In a bucket without
        versioning each object has one version, named `null`.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

        Raises:
            ServiceUnavailable: S3 did not delete some of them.
        """
        erased = 0
        for prefix in prefixes:
            for page in self._versions(prefix):
                objects = [
                    {"Key": version["Key"], "VersionId": version["VersionId"]}
                    for kind in ("Versions", "DeleteMarkers")
                    for version in page.get(kind, [])
                ]
                if not objects:
                    continue
                answer = self._s3.delete_objects(
                    Bucket=self._name, Delete={"Objects": objects, "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise ServiceUnavailable(f"{len(errors)} objects: {errors[0]['Code']}")
                erased += len(objects)
        return erased

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of the versions of all objects under a prefix."""
        request: dict[str, Any] = {"Bucket": self._name, "Prefix": prefix}
        while True:
            page = self._s3.list_object_versions(**request)
            yield page
            if not page.get("IsTruncated"):
                return
            request["KeyMarker"] = page["NextKeyMarker"]
            if marker := page.get("NextVersionIdMarker"):
                request["VersionIdMarker"] = marker

    def link(self, key: str, disposition: str) -> dict[str, str]:
        """Return `url`, a presigned link to an object, and `expiresAt`, when the link expires.

        Args:
            key: of the object.
            disposition: the header `Content-Disposition` of the response, in ASCII.
        """
        url = self._s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ResponseContentDisposition": disposition,
            },
            ExpiresIn=LINK_SECONDS,
        )
        return {"url": url, "expiresAt": _after(LINK_SECONDS)}


@contextlib.contextmanager
def _missing_as_source_not_found(what: str) -> Iterator[None]:
    """Raise SourceNotFound if S3 does not find the object; `what` begins the message."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_FOUND:
            raise
        raise SourceNotFound(
            f"{what} does not exist: it was never sent, or it was deleted because it was too old."
        ) from error


def _after(seconds: int) -> str:
    return timestamp(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds))
