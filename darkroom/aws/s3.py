"""The bucket: where a task's files lie, and every call to S3 that Darkroom makes.

    uploads/{owner}/{uploadId}          bytes that a client sent; gone after a day
    work/{taskId}/{attempt}/source      what Download fetched; gone after a day
    work/{taskId}/{attempt}/gray        what Grayscale made; gone after a day
    results/{taskId}/{attempt}.{ext}    the result
    batches/{batchId}/{copy}            a manifest as it was uploaded; gone after a week
    batches/{batchId}/manifest.jsonl    what a batch is made of, an entry a line; gone after a week
    imports/{owner}/…                   what people have put there for a batch; gone after a week

Every put and copy asks S3 for a SHA-256 checksum, and COMPLETED means that it was compared
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
"""

import base64
import contextlib
import datetime
import hashlib
import uuid
from collections.abc import Iterator
from typing import IO, Any

from botocore.exceptions import ClientError
from botocore.handlers import add_expect_header

from darkroom.aws.clients import client
from darkroom.errors import ResultCorrupted, SourceNotFound
from darkroom.runtime.clock import timestamp

CHUNK_BYTES = 1024 * 1024
NOT_FOUND = {"404", "NoSuchKey", "403", "AccessDenied"}
"""403 is what S3 answers for a missing object to whoever may not list the bucket; HEAD has no body
to name an error in (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html)."""
LINK_SECONDS = 3600
"""How long a presigned link or form is good for."""


def upload_key(owner: str, upload_id: str) -> str:
    """Return where the bytes of a caller's upload are.

    The owner is a part of the key, so that the id of another caller's upload leads to nothing.
    """
    return f"uploads/{owner}/{upload_id}"


def work_key(task_id: str, attempt: int, name: str) -> str:
    """Return where a step of one attempt leaves its file for the next."""
    return f"work/{task_id}/{attempt}/{name}"


def result_key(task_id: str, attempt: int, extension: str) -> str:
    """Return where the result of an attempt lies."""
    return f"results/{task_id}/{attempt}.{extension}"


def manifest_key(batch_id: str) -> str:
    """Return where the manifest is that the Map Run of a batch reads: see `batches.manifests`."""
    return f"batches/{batch_id}/manifest.jsonl"


def uploaded_manifest_key(batch_id: str) -> str:
    """Return where a manifest is copied to when its batch is accepted.

    Each time it is another place: of two requests with one idempotency key, the later one cannot
    replace what the batch of the first one reads.
    """
    return f"batches/{batch_id}/{uuid.uuid4()}"


def import_key(owner: str, name: str) -> str:
    """Return where a caller's people put objects for batches: `name` begins the key below it."""
    return f"imports/{owner}/{name}"


class Bucket:
    """The one private bucket."""

    def __init__(self, name: str) -> None:
        """Make the client; nothing is called yet."""
        self._name = name
        self._s3 = client(
            "s3",
            signature_version="s3v4",
            s3={
                # Each body has its checksum. To sign it, too, is to digest it once more.
                "payload_signing_enabled": False,
                # Links and forms must name the bucket's own region. The global host redirects a
                # new bucket's requests to it, for hours, and the signature is for one host
                # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html).
                "addressing_style": "virtual",
                "us_east_1_regional_endpoint": "regional",
            },
            connect_timeout=3,
            read_timeout=20,
        )
        # Before a body the SDK asks S3 whether it may come (`Expect: 100-continue`), waits, and
        # reads the answer byte by byte. Ours are small and welcome.
        self._s3.meta.events.unregister("before-call.s3", add_expect_header)

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        """Store an object; S3 checks the SHA-256 of what arrives against what was sent."""
        self._s3.put_object(
            Bucket=self._name,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )

    def put_bytes(self, key: str, body: bytes, content_type: str) -> str:
        """Store an object and return its SHA-256 in hexadecimal."""
        digest = hashlib.sha256(body).digest()
        self._s3.put_object(
            Bucket=self._name,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumSHA256=base64.b64encode(digest).decode(),
        )
        return digest.hex()

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        body: bytes = self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
        return body

    def chunks(self, key: str, what: str) -> Iterator[bytes]:
        """Give an object's bytes in pieces, so that a large one needs little memory.

        Raises:
            SourceNotFound: as `size`.
        """
        with _found(what):
            body = self._s3.get_object(Bucket=self._name, Key=key)["Body"]
        yield from body.iter_chunks(CHUNK_BYTES)

    def upload_form(self, key: str, content_type: str, max_bytes: int) -> dict[str, Any]:
        """Return `url`, `fields` and `expiresAt` of a form that sends one file to a key.

        S3 itself refuses a file that is empty, larger than `max_bytes` or of another type
        (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
        """
        form = self._s3.generate_presigned_post(
            self._name,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=LINK_SECONDS,
        )
        return {"url": form["url"], "fields": form["fields"], "expiresAt": _after(LINK_SECONDS)}

    def size(self, key: str, what: str) -> int:
        """Return the bytes of an object; `what` it is, "The upload", is for people.

        Raises:
            SourceNotFound: there is none, or it has been there too long and is deleted.
        """
        with _found(what):
            head = self._s3.head_object(Bucket=self._name, Key=key)
        size: int = head["ContentLength"]
        return size

    def copy(self, source: str, target: str, what: str) -> None:
        """Copy an object as it is at this moment; `what` it is, "The upload", is for people.

        Raises:
            SourceNotFound: as `size`.
        """
        with _found(what):
            self._s3.copy_object(
                Bucket=self._name,
                Key=target,
                CopySource={"Bucket": self._name, "Key": source},
                ChecksumAlgorithm="SHA256",
            )

    def publish(self, source: str, target: str, size: int, sha256: str) -> None:
        """Copy an object inside S3 and make sure that the copy is what was meant.

        Args:
            source: key of the object to copy.
            target: key of the copy; an object of that name is replaced.
            size: bytes that the copy must have.
            sha256: checksum that the copy must have, in hexadecimal.

        Raises:
            ResultCorrupted: the copy has another size or checksum.
        """
        self._s3.copy_object(
            Bucket=self._name,
            Key=target,
            CopySource={"Bucket": self._name, "Key": source},
            ChecksumAlgorithm="SHA256",
        )
        head = self._s3.head_object(Bucket=self._name, Key=target, ChecksumMode="ENABLED")
        expected = base64.b64encode(bytes.fromhex(sha256)).decode()
        if head["ContentLength"] != size or head.get("ChecksumSHA256") != expected:
            raise ResultCorrupted(
                f"{target} has {head['ContentLength']} bytes and another checksum than the "
                f"{size} bytes that were made."
            )

    def link(self, key: str, filename: str) -> dict[str, str]:
        """Return `url`, a presigned link to an object, and `expiresAt`, when it ends."""
        url = self._s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ResponseContentDisposition": f'inline; filename="{filename}"',
            },
            ExpiresIn=LINK_SECONDS,
        )
        return {"url": url, "expiresAt": _after(LINK_SECONDS)}


@contextlib.contextmanager
def _found(what: str) -> Iterator[None]:
    """Tell that there is no such object: `what` it is, is for people.

    Raises:
        SourceNotFound: there is none.
    """
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_FOUND:
            raise
        raise SourceNotFound(
            f"{what} is not there: nothing was sent, or it is too long ago."
        ) from error


def _after(seconds: int) -> str:
    return timestamp(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds))
