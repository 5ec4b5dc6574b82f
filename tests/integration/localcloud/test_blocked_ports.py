"""On a developer's machine, no source and no webhook reaches a port of the local cloud."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from darkroom.errors import SourceBlocked
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.ports import listening

# Anybody who can send this to the local cloud can run code on the machine.
TEMPLATE = {
    "Resources": {"Mine": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String"}}}
}
THIS_MACHINE = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "127.1",
    "127.0.1.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "①②⑦.⓪.⓪.①",
]


@pytest.fixture(scope="module")
def redirects() -> Iterator[HTTPServer]:
    """A foreign server that redirects every request to the address in its query."""
    with HTTPServer() as server:
        server.expect_request("/").respond_with_handler(
            lambda request: Response(
                status=302, headers={"Location": request.query_string.decode()}
            )
        )
        yield server


def own_addresses() -> set[str]:
    """The addresses of this machine's interfaces, IPv6 without a scope, as hosts of URLs."""
    found = [a for addresses in psutil.net_if_addrs().values() for a in addresses]
    ipv4 = {a.address for a in found if a.family == socket.AF_INET}
    ipv6 = {a.address for a in found if a.family == socket.AF_INET6 and "%" not in a.address}
    return ipv4 | {f"[{address}]" for address in ipv6}


def orders(stack: Stack) -> dict[str, str]:
    """Links that would create a stack, by the stack's name: signed with the right key, and with a
    guessed one."""
    right = stack.cloud.client("cloudformation")
    signed = {
        name: right.generate_presigned_url(
            "create_stack", Params={"StackName": name, "TemplateBody": json.dumps(TEMPLATE)}
        )
        for name in ("right", "guess")
    }
    key = stack.cloud.credentials.access_key_id
    return {"right": signed["right"], "guess": signed["guess"].replace(key, "test")}


def made(stack: Stack) -> set[str]:
    found = stack.cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {one["StackName"] for one in found} & {"right", "guess"}


def failures(stack: Stack, urls: list[str]) -> dict[str, tuple[str, str]]:
    """Submit sources, wait until all have failed; return the error and the message of each."""
    submitted = {stack.submit(url)["taskId"]: url for url in urls}
    ended = stack.all_ended(submitted, 90)
    return {
        submitted[i]: (task["failure"]["error"], task["failure"]["message"])
        for i, task in ended.items()
    }


def test_no_source_reaches_a_port_of_the_local_cloud_however_it_is_spelled(
    standard: Stack, redirects: HTTPServer
):
    link = urlsplit(orders(standard)["right"])
    order = f"{link.path}?{link.query}"
    hosts = [*THIS_MACHINE, *own_addresses()]
    direct = [f"http://{host}:{link.port}{order}" for host in hosts]
    redirected = [redirects.url_for("/") + "?" + url for url in direct if url.isascii()]

    found = failures(standard, direct + redirected)

    assert {error for error, _ in found.values()} == {SourceBlocked.__name__}
    assert all("belongs to Darkroom itself" in message for _, message in found.values())
    assert made(standard) == set()


def test_no_source_reaches_any_other_port_of_its_either(standard: Stack, sources: Sources):
    """The Runtime API would give the next invocation of a function to any client."""
    standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])
    waiting = {port for _, port in listening(standard.cloud.home)}

    found = failures(
        standard,
        [f"http://127.0.0.1:{n}/2018-06-01/runtime/invocation/next" for n in waiting],
    )

    assert len(waiting) == 2  # the emulator's and the Runtime API's
    assert {error for error, _ in found.values()} == {SourceBlocked.__name__}


def test_a_source_that_redirects_to_the_local_cloud_creates_nothing(
    standard: Stack, redirects: HTTPServer
):
    urls = [redirects.url_for("/") + "?" + url for url in orders(standard).values()]

    found = failures(standard, urls + list(orders(standard).values()))

    assert {error for error, _ in found.values()} == {SourceBlocked.__name__}
    assert made(standard) == set()


def test_no_webhook_reaches_the_local_cloud(standard: Stack, sources: Sources):
    urls = [
        f"http://127.0.0.1:{port}/2018-06-01/runtime/init/error"
        for _, port in listening(standard.cloud.home)
    ]
    submitted = [
        standard.submit(sources.url("/colour.png"), callbackUrl=url)["taskId"] for url in urls
    ]

    def deliveries() -> list[dict[str, object]] | None:
        found = [standard.task(task_id)["callback"]["delivery"] for task_id in submitted]
        return found if all(found) else None

    reported = until(deliveries, 60, "each webhook was tried")

    assert [delivery["delivered"] for delivery in reported] == [False] * len(urls)
    assert all("belongs to Darkroom itself" in delivery["message"] for delivery in reported)
