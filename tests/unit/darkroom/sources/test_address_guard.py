import ipaddress

import pytest

from darkroom.sources.address_guard import is_public
from tests.support.addresses import costumes

# One or two addresses of every range of IANA's IPv4 special-purpose registry.
SPECIAL_IPV4 = {
    "this network": ["0.0.0.0", "0.1.2.3"],  # noqa: S104 - nothing is bound
    "private 10/8": ["10.0.0.1", "10.255.255.255"],
    "shared (CGNAT)": ["100.64.0.1", "100.127.255.254"],
    "loopback": ["127.0.0.1", "127.255.255.254"],
    "link-local and metadata": ["169.254.0.1", "169.254.169.254", "169.254.170.2"],
    "private 172.16/12": ["172.16.0.1", "172.31.255.255"],
    "protocol assignments": ["192.0.0.1", "192.0.0.8", "192.0.0.170"],
    "documentation 1": ["192.0.2.1"],
    "documentation 2": ["198.51.100.1"],
    "documentation 3": ["203.0.113.1"],
    "6to4 relays": ["192.88.99.1"],
    "private 192.168/16": ["192.168.0.1", "192.168.255.255"],
    "benchmarking": ["198.18.0.1", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255"],
    "class E": ["240.0.0.1", "255.255.255.254"],
    "broadcast": ["255.255.255.255"],
}
# The neighbours of special ranges, where a wrong mask would show, and a few well-known ones.
PUBLIC_IPV4 = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.215.14", "100.63.255.255",
    "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255",
]  # fmt: skip
SPECIAL_IPV6 = {
    "unspecified": "::",
    "loopback": "::1",
    "discard only": "100::1",
    "dummy prefix": "100:0:0:1::1",
    "NAT64 of private use": "64:ff9b:1::808:808",
    "IPv4-translated": "::ffff:0:808:808",
    "benchmarking": "2001:2::1",
    "ORCHID": "2001:10::1",
    "documentation": "2001:db8::1",
    "documentation, newer": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fc00::1",
    "unique local, metadata of AWS": "fd00:ec2::254",
    "link-local": "fe80::1",
    "site-local": "fec0::1",
    "multicast, link": "ff02::1",
    "multicast, global": "ff0e::1",
    "never assigned": "4000::1",
    "ISATAP behind a unique local prefix": "fd12:3456::5efe:808:808",
    "ISATAP behind the link-local prefix": "fe80::200:5efe:808:808",
}
PUBLIC_IPV6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:830::200e"]


@pytest.mark.parametrize(
    ("costume", "address"),
    [
        pytest.param(costume, address, id=f"{ipv4}-{costume}")
        for ipv4s in SPECIAL_IPV4.values()
        for ipv4 in ipv4s
        for costume, address in costumes(ipv4).items()
    ],
)
def test_a_special_ipv4_address_is_not_public_in_any_ipv6_form(costume: str, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address)), costume


@pytest.mark.parametrize(
    ("costume", "address"),
    [
        pytest.param(costume, address, id=f"{ipv4}-{costume}")
        for ipv4 in PUBLIC_IPV4
        for costume, address in costumes(ipv4).items()
    ],
)
def test_a_public_ipv4_address_is_public_in_every_ipv6_form(costume: str, address: str) -> None:
    assert is_public(ipaddress.ip_address(address)), costume


@pytest.mark.parametrize("address", SPECIAL_IPV6.values(), ids=SPECIAL_IPV6)
def test_a_special_ipv6_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC_IPV6)
def test_a_global_ipv6_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
