"""Only programs of this machine with credentials, and the page, can use the port."""

import datetime
import hashlib
import json
import re
import socket
import subprocess

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import function, invoke, role
from tests.support.ports import listening
from tools.localcloud import processes
from tools.localcloud.cloud import TOOLS

ASKED = {
    "cloudformation": "list_stacks",
    "dynamodb": "list_tables",
    "iam": "list_roles",
    "lambda": "list_functions",
    "s3": "list_buckets",
    "sqs": "list_queues",
    "sts": "get_caller_identity",
}
REFUSED = r"InvalidClientTokenId|InvalidAccessKeyId|UnrecognizedClient|Signature|TooSkewed"


def client_of(cloud, service, key_id, secret):
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint_url,
        region_name=cloud.region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


@pytest.mark.parametrize("service", ASKED)
@pytest.mark.parametrize("key_id", ["test", "000000000000", "123456789012", "AKIAIOSFODNN7EXAMPLE"])
def test_credentials_that_can_be_guessed_are_refused(cloud, service, key_id):
    with pytest.raises(ClientError, match=REFUSED):
        getattr(client_of(cloud, service, key_id, "test"), ASKED[service])()


@pytest.mark.parametrize("service", ASKED)
def test_the_right_key_with_another_secret_is_refused(cloud, service):
    client = client_of(cloud, service, cloud.credentials.access_key_id, "test")

    with pytest.raises(ClientError, match="Signature"):
        getattr(client, ASKED[service])()


def test_the_credentials_of_a_function_cannot_be_made_from_its_name(cloud):
    """ministack's are a digest of two ARNs, which are not secret."""
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    arn = function(cloud, source)
    digest = hashlib.sha256(f"{arn}:{role(cloud)}".encode()).hexdigest()

    seen = invoke(cloud, arn)

    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["AWS_ACCESS_KEY_ID"] != f"ASIA{digest[:16].upper()}"
    assert cloud.credentials.secret_access_key not in seen.values()


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/oauth2/token", "/v2/repository/blobs/uploads/"]
)
def test_a_wrong_signature_is_refused_whatever_is_asked_for(cloud, path):
    scope = "AKIAIOSFODNN7EXAMPLE/20261125/us-east-1/sqs/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    header = {"Authorization": signature, "X-Amz-Date": "20261125T000000Z"}

    answer = httpx.post(cloud.endpoint_url + path, headers=header)

    assert answer.status_code in {400, 403}
    assert re.search(REFUSED, answer.text)


@pytest.mark.parametrize("path", ["restapis", "apikeys", "usageplans", "schedules", "a-new-bucket"])
def test_what_is_sent_like_a_form_makes_nothing_but_an_object(cloud, path):
    body = {"data": {"name": "made", "Action": "CreateStack"}, "files": {"file": b"x"}}

    assert httpx.post(f"{cloud.endpoint_url}/{path}", **body).status_code in {403, 404}

    gateway = cloud.client("apigateway")
    assert "made" not in {api["name"] for api in gateway.get_rest_apis()["items"]}
    assert "made" not in {key["name"] for key in gateway.get_api_keys()["items"]}
    assert path not in {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}


def test_no_signed_link_but_to_an_object_is_served(cloud):
    s3 = cloud.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="linked")
    s3.put_object(Bucket="linked", Key="key", Body=b"pixels")
    place = {"Bucket": "linked", "Key": "key"}

    def link(operation, **arguments):
        return s3.generate_presigned_url(operation, Params=arguments)

    served = httpx.get(link("get_object", **place))
    tampered = link("get_object", **place).replace("/linked/key", "/linked/other")
    refused = {
        "get": httpx.get(tampered),
        "list": httpx.get(link("list_objects_v2", Bucket="linked")),
        "put": httpx.put(link("put_object", **place), content=b"x"),
        "delete": httpx.delete(link("delete_object", **place)),
        "another service": httpx.get(
            link("get_object", **place).replace("/linked/key", "/2015-03-31/functions")
        ),
        "stack": httpx.get(
            cloud.client("cloudformation").generate_presigned_url(
                "create_stack", Params={"StackName": "linked", "TemplateBody": "{}"}
            )
        ),
    }

    assert served.content == b"pixels"
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(
        refused, 403
    )
    assert s3.get_object(**place)["Body"].read() == b"pixels"


def test_only_a_signed_form_is_accepted(cloud):
    s3 = cloud.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="formal")
    form = s3.generate_presigned_post("formal", "key")

    def send(url, **changed):
        fields = {name: v for name, v in (form["fields"] | changed).items() if v is not None}
        return httpx.post(url, data=fields, files={"file": b"x"}).status_code

    assert send(form["url"], **{"x-amz-signature": "0" * 64}) == 403
    assert send(form["url"], key="another") == 403
    assert send(form["url"], **dict.fromkeys(form["fields"].keys() - {"key"})) == 403
    assert send(f"{cloud.endpoint_url}/made-by-a-form") // 100 == 4
    assert "Contents" not in s3.list_objects_v2(Bucket="formal")
    assert send(form["url"]) == 204


def test_ids_and_api_keys_cannot_be_predicted():
    """Python's own generator gives the same numbers to everyone who knows its state."""
    code = "import random; random.seed(1); from ministack.core import responses as r"
    command = [TOOLS / "emulator" / "bin" / "python", "-c", f"{code}; print(r.new_uuid())"]

    ids = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize(
    "path", ["", "/2018-06-01/runtime/invocation/next", "/guess/2018-06-01/runtime/invocation/next"]
)
def test_no_other_process_can_take_an_invocation_of_a_function(cloud, path):
    arn = function(cloud, "def handler(event, context): return event")
    invoke(cloud, arn)  # one process waits for more
    ports = {port for _, port in listening(cloud.home)}

    for port in ports - {cloud.port}:
        url = f"http://127.0.0.1:{port}{path}"
        assert httpx.get(url, timeout=5).status_code == 403
        assert (
            httpx.post(
                f"http://127.0.0.1:{port}/2018-06-01/runtime/init/error", timeout=5
            ).status_code
            == 403
        )
        with socket.create_connection(("127.0.0.1", port)) as talker:
            talker.sendall(b"\0 this is no HTTP\r\n\r\n")
            talker.settimeout(5)
            assert talker.recv(100) == b""

    assert len(ports) == 2
    assert invoke(cloud, arn, {"mine": 1}) == {"mine": 1}


def test_nothing_listens_but_on_127_0_0_1(cloud):
    invoke(cloud, function(cloud, "def handler(event, context): ..."))

    assert {address for address, _ in listening(cloud.home)} == {"127.0.0.1"}


def test_what_the_local_cloud_writes_is_for_its_owner_only(cloud):
    name = f"secret-{datetime.datetime.now(datetime.UTC):%H%M%S%f}"
    cloud.client("ssm").put_parameter(Name=name, Value="x", Type="String")
    invoke(cloud, function(cloud, "def handler(event, context): ..."))
    cloud.save()

    def readable(folder):
        """What others can read. They cannot read a folder without permission."""
        for path in folder.iterdir():
            if path.stat().st_mode & 0o077 and path.name != "lock":
                yield path.name
                if path.is_dir():
                    yield from readable(path)

    state = cloud.home / "state"
    assert name in (state / "ssm.json").read_text()
    assert list(readable(cloud.home)) == []
    # A folder that somebody opens reveals nothing either.
    assert list(readable(state)) == []


def test_no_command_line_shows_the_credentials(cloud):
    invoke(cloud, function(cloud, "def handler(event, context): ..."))

    reported = json.dumps([process.cmdline() for process in processes.marked(cloud.home)])

    assert cloud.credentials.secret_access_key not in reported
    assert cloud.credentials.access_key_id not in reported
