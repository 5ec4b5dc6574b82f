"""Which addresses a name may have, and that no other address is used."""

import io
import socket
import threading
from typing import Any

import pytest

from darkroom.errors import SourceBlocked, SourceUnavailable
from darkroom.sources.address_guard import resolve
from darkroom.sources.fetch import Limits, fetch
from tests.support.addresses import costumes
from tests.support.fakes.raw_server import say, serve


def answer_with(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let each lookup of a name return the next of these lists; return the names that were looked
    up."""
    remaining, asked = list(answers), []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, 1, 6, "", (address, port))
            for address in remaining.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_every_address_of_a_public_name_may_be_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, ["93.184.215.14", "93.184.215.14", "2606:4700:4700::1111"])

    found = resolve("example.com", 80, seconds=5, allow_private=False)

    assert found == ["93.184.215.14", "2606:4700:4700::1111"]


@pytest.mark.parametrize(
    "private", ["127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "fd00:ec2::254"]
)
def test_a_name_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    answer_with(monkeypatch, ["93.184.215.14", private])

    with pytest.raises(SourceBlocked) as refused:
        resolve("both.example", 80, seconds=5, allow_private=False)

    assert str(refused.value) == "both.example has an address that is not on the public internet."


def test_private_addresses_are_found_where_they_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_with(monkeypatch, ["127.0.0.1"])

    assert resolve("localhost", 80, seconds=5, allow_private=True) == ["127.0.0.1"]


@pytest.mark.parametrize("private", ["10.1.2.3", "169.254.169.254", "fd00:ec2::254", "::1"])
def test_an_error_does_not_disclose_what_a_private_name_resolves_to(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    answer_with(monkeypatch, [private])

    with pytest.raises(SourceBlocked) as refused:
        resolve("payroll.corp.example", 80, seconds=5, allow_private=False)

    assert private not in repr(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


SERVICES = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001/at/a/place",
    "AWS_ENDPOINT_URL": "http://localhost:4599",
    "AWS_ENDPOINT_URL_S3": "https://[::1]",
    "AWS_ENDPOINT_URL_SQS": "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com",
}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment whose function must not reach certain ports of its machine."""
    for name, value in SERVICES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("port", [9001, 4599, 443])
@pytest.mark.parametrize(
    "address",
    [
        *costumes("127.0.0.1").values(),
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "::",
        "::1",
        "10.0.0.7",
        "fe80::1%lo",
    ],
)
def test_no_source_has_a_port_of_the_functions_own_services(
    monkeypatch: pytest.MonkeyPatch, address: str, port: int
) -> None:
    answer_with(monkeypatch, [address])

    with pytest.raises(SourceBlocked, match=f"^Port {port} of x belongs to Darkroom itself"):
        resolve("x", port, seconds=5, allow_private=True)


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("address", "port"), [("127.0.0.1", 8000), ("10.0.0.7", 80), ("93.184.215.14", 9001)]
)
def test_other_ports_and_other_machines_may_still_be_sources(
    monkeypatch: pytest.MonkeyPatch, address: str, port: int
) -> None:
    answer_with(monkeypatch, [address])

    assert resolve("x", port, seconds=5, allow_private=True) == [address]


@pytest.mark.usefixtures("services")
def test_one_private_address_among_public_ones_is_enough_to_refuse_a_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_with(monkeypatch, ["93.184.215.14", "127.0.0.1"])

    with pytest.raises(SourceBlocked):
        resolve("x", 9001, seconds=5, allow_private=True)


def test_a_name_server_that_does_not_answer_delays_no_other_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])

    with pytest.raises(SourceUnavailable, match=r"did not resolve .* within"):
        resolve("slow.example", 80, seconds=0.05, allow_private=False)
    over.set()


def test_a_name_that_does_not_resolve_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(SourceUnavailable, match=r"^The name gone\.example does not resolve"):
        resolve("gone.example", 80, seconds=5, allow_private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "①②⑦.⓪.⓪.①",
    ],
)
def test_no_spelling_of_a_private_address_is_fetched(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    look_up_no_names(monkeypatch)

    with pytest.raises(SourceBlocked, match="is not on the public internet"):
        fetch(f"http://{host}/latest/meta-data/", io.BytesIO(), Limits(1000), allow_private=False)


@pytest.mark.parametrize("host", ["127.0.0.1.", "%31%32%37.0.0.1", "127.0.0.1%00.example"])
def test_a_text_that_is_not_an_address_is_not_decoded_into_one(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    look_up_no_names(monkeypatch)

    with pytest.raises((SourceBlocked, SourceUnavailable)):
        fetch(f"http://{host}/latest/meta-data/", io.BytesIO(), Limits(1000), allow_private=False)


@pytest.mark.parametrize(
    "location",
    [
        b"http://127.0.0.1/my photo.png",
        b"http://127.0.0.1/gr\xc3\xb6\xc3\x9fe.png",
        b" http://127.0.0.1/ ",
        b"//169.254.169.254/latest/meta data/",
        b"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.1/",  # 127.1 in circled digits
        b"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.1/",  # 127.1 in fullwidth digits
        b"http://127\xe3\x80\x820\xe3\x80\x820\xe3\x80\x821/",  # with ideographic full stops
        b"http://0x7f000001/a b",
        b"http://[::ffff:127.0.0.1]/\xc3\xb6",
        b"http://localhost/a b",
    ],
)
def test_no_redirect_that_is_encoded_leads_to_a_private_address(
    monkeypatch: pytest.MonkeyPatch, location: bytes
) -> None:
    look_up_no_names(monkeypatch)
    real = socket.create_connection

    with serve(say(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n")) as port:
        dialled: list[Any] = []

        def create_connection(address: Any, *_: Any, **__: Any) -> socket.socket:
            dialled.append(address)
            return real(("127.0.0.1", port))

        monkeypatch.setattr(socket, "create_connection", create_connection)
        with pytest.raises(SourceBlocked, match="is not on the public internet"):
            fetch("http://8.8.8.8/a.png", io.BytesIO(), Limits(1000), allow_private=False)

    assert dialled == [("8.8.8.8", 80)]


def look_up_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the resolver of the system handle addresses and `localhost`, but no other name."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: Any, **options: Any) -> list[Any]:
        numeric = 0 if host == "localhost" else socket.AI_NUMERICHOST
        return real(host, *arguments, **options, flags=numeric)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_the_connected_address_is_the_checked_one(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[Any] = []

    def create_connection(address: Any, *_: Any, **__: Any) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    asked = answer_with(monkeypatch, ["93.184.215.14", "93.184.215.15"], ["127.0.0.1"])

    with pytest.raises(SourceUnavailable):
        fetch("http://rebinds.example:8080/a.jpg", io.BytesIO(), Limits(1000))

    assert dialled == [("93.184.215.14", 8080), ("93.184.215.15", 8080)]
    assert asked == ["rebinds.example"]
