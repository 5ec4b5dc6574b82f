"""The part of boto3 that `tools/build/sdk.py` keeps is what functions use, and works like boto3."""

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore
import botocore.session
import pytest
from botocore.loaders import Loader

from darkroom.aws.s3 import Bucket
from tools.build.packages import files
from tools.build.sdk import OPERATIONS, cut

# The modules of the SDK that functions may import. The test below would miss other ways to make a
# client.
MODULES = {
    "boto3",
    "boto3.dynamodb.types",
    "botocore.config",
    "botocore.exceptions",
    "botocore.handlers",
}
OF_BOTOCORE = {"create_bucket", "head_bucket"}
NOT_COMPARED = {"Authorization", "User-Agent", "X-Amz-Date", "amz-sdk-invocation-id"}


@pytest.fixture(scope="module")
def code(resources: dict[str, Any]) -> list[ast.AST]:
    """All our modules in functions, parsed."""
    found: dict[str, Path] = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            found |= files(properties["CodeUri"], properties["Handler"])
    modules = [path for name, path in found.items() if name.endswith(".py")]
    return [node for path in modules for node in ast.walk(ast.parse(path.read_bytes()))]


def whole() -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    return session


@pytest.fixture(scope="module")
def cut_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of botocore's data in the layer."""
    site = tmp_path_factory.mktemp("site")
    for package in (boto3, botocore):
        source = Path(package.__file__).parent
        target = site / source.name / "data"
        shutil.copytree(source / "data", target, ignore=foreign)
    (site / "boto3" / "examples").mkdir()
    cut(site)
    return site / "botocore" / "data"


def short_of(data: Path) -> botocore.session.Session:
    session = whole()
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session


@pytest.fixture(scope="module")
def short(cut_data: Path) -> botocore.session.Session:
    """A session with the data in the layer."""
    return short_of(cut_data)


def foreign(folder: str, names: list[str]) -> list[str]:
    """Copy our services and one that must be removed, of hundreds."""
    kept = {*OPERATIONS, "sns"}
    return [n for n in names if Path(folder).name == "data" and "." not in n and n not in kept]


def test_functions_make_clients_of_the_services_that_are_kept(code):
    calls = [n for n in code if isinstance(n, ast.Call)]
    of_boto3 = {ast.unparse(n) for n in calls if ast.unparse(n.func).startswith("boto3.")}
    assert len(of_boto3) == 1  # in darkroom/aws/clients.py
    made = [n for n in calls if ast.unparse(n.func) == "client"]
    assert {ast.literal_eval(call.args[0]) for call in made} == set(OPERATIONS)


def test_functions_make_clients_in_no_other_way(code):
    names = {alias.name for n in code if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module for n in code if isinstance(n, ast.ImportFrom) and n.module}
    assert {n for n in names if n.partition(".")[0] in {"boto3", "botocore"}} == MODULES


def test_functions_call_the_operations_that_are_kept_and_no_other(code):
    calls = [n.func for n in code if isinstance(n, ast.Call) and hasattr(n.func, "attr")]
    # `socket.create_connection` has the name of an operation of EventBridge.
    called = {c.attr for c in calls if getattr(c.value, "id", None) != "socket"}
    called |= {n.value for n in code if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    session = whole()
    there: set[str] = {"get_paginator", "get_waiter"}
    for service in OPERATIONS:
        there |= set(map(botocore.xform_name, session.get_service_model(service).operation_names))
    kept = {botocore.xform_name(name) for names in OPERATIONS.values() for name in names}
    assert called & there == kept - OF_BOTOCORE


def test_no_files_of_other_services_are_left(short):
    assert set(short.get_available_services()) == set(OPERATIONS)


@pytest.mark.parametrize("service", OPERATIONS)
def test_every_region_of_every_partition_leads_where_it_did(short, service):
    data = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partitions = json.loads(data.read_text())["partitions"]
    regions = [region for partition in partitions for region in partition["regions"]]
    full = whole()
    assert {"us-east-1", "cn-north-1", "us-gov-west-1"} <= set(regions)
    for region in regions:
        before, after = (s.create_client(service, region_name=region) for s in (full, short))
        assert after.meta.endpoint_url == before.meta.endpoint_url
        assert after.meta.partition == before.meta.partition


@pytest.mark.parametrize("service", OPERATIONS)
def test_every_error_of_a_service_has_its_class(short, service):
    before, after = (s.create_client(service, region_name="us-east-1") for s in (whole(), short))
    assert set(dir(after.exceptions)) == set(dir(before.exceptions))


ITEM = {"taskId": {"S": "a"}, "attempt": {"N": "1"}}
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "put an item": (
        "dynamodb",
        lambda c: c.put_item(TableName="t", Item=ITEM, ConditionExpression="x"),
    ),
    "put an object": (
        "s3",
        lambda c: c.put_object(Bucket="b", Key="k", Body=b"x", ChecksumAlgorithm="SHA256"),
    ),
    "copy an object": (
        "s3",
        lambda c: c.copy_object(Bucket="b", Key="k", CopySource="b/s", ChecksumAlgorithm="SHA256"),
    ),
    "measure an object": (
        "s3",
        lambda c: c.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED"),
    ),
    "send a message": ("sqs", lambda c: c.send_message(QueueUrl="https://q/1/q", MessageBody="m")),
    "start an execution": (
        "stepfunctions",
        lambda c: c.start_execution(stateMachineArn="arn", name="n", input="{}", traceHeader="t"),
    ),
}


class Sent(Exception):
    """A request that would be sent."""


def sent(session: botocore.session.Session, service: str, act: Callable[[Any], Any]) -> Any:
    """What a call would send, without the values that are new each time."""

    def stop(request: Any, **_: Any) -> None:
        headers = {k: v for k, v in request.headers.items() if k not in NOT_COMPARED}
        body = request.body.read() if hasattr(request.body, "read") else request.body
        raise Sent(request.method, request.url, headers, body)

    client = session.create_client(service, region_name="us-east-1")
    client.meta.events.register("before-send", stop)
    with pytest.raises(Sent) as caught:
        act(client)
    return caught.value.args


@pytest.mark.parametrize("call", CALLS)
def test_a_call_sends_what_it_sent(short, call):
    assert sent(short, *CALLS[call]) == sent(whole(), *CALLS[call])


def test_a_link_and_a_form_are_signed_as_they_were(short):
    """Neither is sent, so no call above shows which parts of a service's description they need."""
    before, after = (s.create_client("s3", region_name="us-east-1") for s in (whole(), short))
    forms = [c.generate_presigned_post("b", "k", {}, [], 60) for c in (before, after)]
    assert forms[0]["url"] == forms[1]["url"]
    assert forms[0]["fields"].keys() == forms[1]["fields"].keys()
    wanted = {"ClientMethod": "get_object", "Params": {"Bucket": "b", "Key": "k"}}
    links = [c.generate_presigned_url(**wanted).partition("X-Amz-Date") for c in (before, after)]
    assert links[0][0] == links[1][0]


# Regions of several kinds: the oldest, two that are on by default, two that an account opts into,
# and other partitions. And the suffix of their host names.
HOSTS_END = {
    "us-east-1": "amazonaws.com",
    "us-west-2": "amazonaws.com",
    "eu-central-1": "amazonaws.com",
    "eu-south-2": "amazonaws.com",
    "ap-southeast-5": "amazonaws.com",
    "us-gov-west-1": "amazonaws.com",
    "cn-north-1": "amazonaws.com.cn",
}


@pytest.fixture(params=["short", "whole"])
def in_region(
    request: pytest.FixtureRequest, cut_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Make the clients of functions for a region, with the data of the SDK or of the layer."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    def settle(region: str) -> None:
        core = short_of(cut_data) if request.param == "short" else whole()
        session = boto3.session.Session(botocore_session=core, region_name=region)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)

    return settle


@pytest.mark.parametrize("region", HOSTS_END)
def test_links_and_forms_name_the_bucket_at_its_own_region(in_region, region):
    """The bucket's `RegionalDomainName`: the page allows its browser no other host."""
    in_region(region)
    bucket = Bucket("darkroom-files")

    link = bucket.link("results/1.png", "inline")["url"]
    form = bucket.upload_form("5b0c", "image/png", 1000)["url"]

    assert urlsplit(link).netloc == f"darkroom-files.s3.{region}.{HOSTS_END[region]}"
    assert urlsplit(link).path == "/results/1.png"
    assert form == f"https://darkroom-files.s3.{region}.{HOSTS_END[region]}/"
    # The signature is also for this region, and not for the region of the global host.
    assert f"%2F{region}%2Fs3%2F" in link


@pytest.mark.parametrize("region", HOSTS_END)
def test_every_other_call_goes_to_the_functions_own_region(in_region, region):
    in_region(region)
    for service in OPERATIONS.keys() - {"s3"}:
        name = {"stepfunctions": "states"}.get(service, service)
        endpoint = boto3.client(service).meta.endpoint_url
        assert endpoint == f"https://{name}.{region}.{HOSTS_END[region]}"


def test_the_local_clouds_links_name_the_bucket_in_their_path(in_region, monkeypatch):
    in_region("us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4599")
    bucket = Bucket("darkroom-files")

    assert bucket.link("k", "inline")["url"].startswith("http://127.0.0.1:4599/darkroom-files/k?")
    form = bucket.upload_form("5b0c", "image/png", 1000)["url"]
    assert form.rstrip("/") == "http://127.0.0.1:4599/darkroom-files"
