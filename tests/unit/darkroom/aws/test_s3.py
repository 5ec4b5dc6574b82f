import base64
import hashlib
import io
import urllib.parse
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.aws.s3 import Bucket, result_key, upload_key, work_key
from darkroom.errors import ResultCorrupted, SourceNotFound
from tests.support.fakes.aws import BUCKET

DATA = b"gray pixels"
SHA256 = hashlib.sha256(DATA).hexdigest()


def head(key: str) -> dict[str, Any]:
    answer: dict[str, Any] = boto3.client("s3").head_object(
        Bucket=BUCKET, Key=key, ChecksumMode="ENABLED"
    )
    return answer


def test_every_file_of_a_task_has_its_place() -> None:
    assert upload_key("me", "u") == "uploads/me/u"
    assert work_key("t", 2, "source") == "work/t/2/source"
    assert result_key("t", 2, "jpg") == "results/t/2.jpg"


def test_a_body_is_sent_at_once(bucket: Bucket) -> None:
    sent: list[Any] = []
    events = bucket._s3.meta.events
    events.register_first("before-send.s3.PutObject", lambda request, **_: sent.append(request))

    bucket.put("work/a", io.BytesIO(DATA), "image/png")
    bucket.put_bytes("work/b", DATA, "image/png")

    assert ["Expect" in request.headers for request in sent] == [False, False]


@pytest.mark.parametrize("body", [DATA, io.BytesIO(DATA)], ids=["bytes", "file"])
def test_what_is_put_can_be_got_and_has_a_checksum(bucket: Bucket, body: Any) -> None:
    bucket.put("work/a", body, "image/png")

    assert bucket.get("work/a") == DATA
    assert head("work/a")["ContentType"] == "image/png"
    assert base64.b64decode(head("work/a")["ChecksumSHA256"]).hex() == SHA256


def test_the_checksum_of_stored_bytes_is_returned(bucket: Bucket) -> None:
    assert bucket.put_bytes("work/a", DATA, "image/png") == SHA256
    assert bucket.get("work/a") == DATA


@pytest.mark.parametrize("method", ["put", "put_bytes"])
def test_a_body_has_its_checksum_and_is_not_digested_for_the_signature(
    bucket: Bucket, method: str
) -> None:
    headers: dict[str, bytes] = {}
    bucket._s3.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: headers.update(request.headers)
    )

    getattr(bucket, method)("work/a", DATA, "image/png")

    sent = {name.lower(): value for name, value in headers.items()}
    assert "x-amz-checksum-sha256" in (sent.get("x-amz-trailer", b"").decode(), *sent)
    assert sent["x-amz-content-sha256"] in (
        b"UNSIGNED-PAYLOAD",
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    )


def test_a_result_is_published_with_type_and_checksum(bucket: Bucket) -> None:
    bucket.put_bytes("work/gray", DATA, "image/png")

    bucket.publish("work/gray", "results/1.png", len(DATA), SHA256)

    assert bucket.get("results/1.png") == DATA
    assert head("results/1.png")["ContentType"] == "image/png"


def test_publishing_twice_is_publishing_once(bucket: Bucket) -> None:
    bucket.put_bytes("work/gray", DATA, "image/png")

    for _ in range(2):
        bucket.publish("work/gray", "results/1.png", len(DATA), SHA256)

    assert bucket.get("results/1.png") == DATA


@pytest.mark.parametrize(
    "stored", [b"gray pixelz", DATA[:-1], DATA + b"x", b""], ids=["bit", "short", "long", "empty"]
)
def test_a_result_that_is_not_what_was_made_is_corrupted(bucket: Bucket, stored: bytes) -> None:
    bucket.put_bytes("work/gray", stored, "image/png")

    with pytest.raises(ResultCorrupted, match=r"^results/1\.png has"):
        bucket.publish("work/gray", "results/1.png", len(DATA), SHA256)


def test_a_right_checksum_with_a_wrong_size_is_corrupted(bucket: Bucket) -> None:
    bucket.put_bytes("work/gray", DATA, "image/png")

    with pytest.raises(ResultCorrupted):
        bucket.publish("work/gray", "results/1.png", len(DATA) + 1, SHA256)


def test_a_gray_image_that_is_gone_cannot_be_published(bucket: Bucket) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        bucket.publish("work/gone", "results/1.png", len(DATA), SHA256)


def test_an_upload_is_measured(bucket: Bucket) -> None:
    bucket.put(upload_key("me", "u"), DATA, "image/png")

    assert bucket.size(upload_key("me", "u"), "The upload") == len(DATA)


def test_an_upload_that_is_not_there_is_not_found(bucket: Bucket) -> None:
    with pytest.raises(SourceNotFound, match="The upload does not exist"):
        bucket.size(upload_key("me", "u"), "The upload")


def test_a_failing_bucket_is_not_mistaken_for_a_missing_upload(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "500", "Message": ""}}, "HeadObject")

    monkeypatch.setattr(bucket._s3, "head_object", broken)

    with pytest.raises(ClientError):
        bucket.size(upload_key("me", "u"), "The upload")


def test_a_link_is_signed_ends_in_an_hour_and_names_the_file(bucket: Bucket) -> None:
    link = bucket.link("results/1.png", 'inline; filename="task.png"')

    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link["url"]).query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["response-content-disposition"] == ['inline; filename="task.png"']
    assert link["expiresAt"].endswith("Z")


def test_a_form_lets_s3_refuse_what_is_too_large_or_of_another_type(bucket: Bucket) -> None:
    form = bucket.upload_form("uploads/me/u", "image/png", 1000)

    policy = base64.b64decode(form["fields"]["policy"]).decode()
    assert '["content-length-range", 1, 1000]' in policy
    assert '{"Content-Type": "image/png"}' in policy
    assert form["fields"]["key"] == "uploads/me/u"
    assert form["fields"]["Content-Type"] == "image/png"
