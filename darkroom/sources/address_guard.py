"""Which addresses a source may have. A source URL is hostile until proven otherwise.

A name is resolved once, every address it resolves to is checked, and one of those that were checked
is dialled, so that a second, different answer of the name server (DNS rebinding) changes nothing.
"""

import ipaddress
import os
import queue
import socket
import threading
import urllib.parse

from darkroom.errors import SourceBlocked, SourceUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special ranges that some release of Python's `ipaddress` takes for public.
NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890: protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # RFC 7526: relays of 6to4, given up
    ipaddress.ip_network("64:ff9b:1::/48"),  # RFC 8215: NAT64 of private use, whatever it embeds
    ipaddress.ip_network("3fff::/20"),  # RFC 9637: documentation
    ipaddress.ip_network("5f00::/16"),  # RFC 9602: segment routing
    ipaddress.ip_network("fec0::/10"),  # RFC 3879: site-local, given up
)
# IPv4 inside IPv6, where the last 32 bits are the address that is reached in the end.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, deprecated, still understood
ISATAP = 0x00005EFE  # RFC 5214: interface identifier ::[02]00:5efe:a.b.c.d


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, whatever IPv6 form it is dressed in.

    The ranges are IANA's special-purpose registries, as Python's `ipaddress` knows them; what it
    does not know, multicast and the transition forms are added here.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = _embedded(address)
        if embedded:
            return all(is_public(inner) for inner in embedded)
        # ISATAP stands behind any prefix, so both halves count: fd00::5efe:8.8.8.8 is private.
        if (int(address) >> 32) & 0xFDFFFFFF == ISATAP and not is_public(_last(address)):
            return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address is nothing but a form of."""
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in NAT64 or address in IPV4_COMPATIBLE:
        return [_last(address)]
    return []


def _last(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def resolve(host: str, port: int, *, seconds: float, allow_private: bool) -> list[str]:
    """Return the addresses of a host, each one allowed.

    Where private addresses are allowed, those of `own_ports` still are not. What a name resolves to
    is not told: it may be an address that only insiders know.

    Raises:
        SourceBlocked: one of them is not public, and not allowed.
        SourceUnavailable: the name does not resolve now, or not within these seconds.
    """
    found = list(dict.fromkeys(_look_up(host, port, seconds)))
    # A scope (fe80::1%eth0) only ever belongs to link-local addresses.
    if not all(is_public(ipaddress.ip_address(address.partition("%")[0])) for address in found):
        if not allow_private:
            raise SourceBlocked(f"{host} has an address that is not on the public internet.")
        if port in own_ports():
            raise SourceBlocked(f"Port {port} of {host} belongs to Darkroom itself.")
    return found


def own_ports() -> set[int]:
    """Return the ports of this machine to which the function's own environment sends it.

    Lambda serves its Runtime API there: whoever asks it is given the next invocation. Where
    `AWS_ENDPOINT_URL` names a port of the machine, as in the local cloud, AWS's services are there.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (AWS_LAMBDA_RUNTIME_API)
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    own = set()
    for name, value in os.environ.items():
        if name == "AWS_LAMBDA_RUNTIME_API" or name.startswith("AWS_ENDPOINT_URL"):
            parts = urllib.parse.urlsplit(value if "://" in value else f"//{value}")
            if _is_of_this_machine(parts.hostname or ""):
                own.add(parts.port or (443 if parts.scheme == "https" else 80))
    return own


def _is_of_this_machine(host: str) -> bool:
    """Whether a host of the environment is the machine itself; other names are AWS's."""
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def _look_up(host: str, port: int, seconds: float) -> list[str]:
    """Ask the system for the addresses of a name; it knows no time limit of its own."""
    told: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put([str(answer[4][0]) for answer in answers])
        except (OSError, UnicodeError) as error:
            told.put(error)

    # A daemon: one that still waits for a name server keeps no process from its end.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = told.get(timeout=seconds)
    except queue.Empty:
        raise SourceUnavailable(
            f"The name {host} did not resolve to an address within {seconds:.0f} seconds."
        ) from None
    if isinstance(answer, Exception):
        raise SourceUnavailable(f"The name {host} does not resolve to an address.") from answer
    return answer
