"""Decides which addresses a source may have. A source URL is treated as hostile.

A name is resolved once, every address that it resolves to is checked, and the connection goes to a
checked address. A second, different DNS answer (DNS rebinding) therefore has no effect.
"""

import ipaddress
import os
import queue
import socket
import threading
import urllib.parse

from darkroom.errors import SourceBlocked, SourceUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose ranges that some releases of Python's `ipaddress` consider public.
NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890: protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # RFC 7526: 6to4 relays, deprecated
    ipaddress.ip_network("64:ff9b:1::/48"),  # RFC 8215: private NAT64, whatever address it embeds
    ipaddress.ip_network("3fff::/20"),  # RFC 9637: documentation
    ipaddress.ip_network("5f00::/16"),  # RFC 9602: segment routing
    ipaddress.ip_network("fec0::/10"),  # RFC 3879: site-local, deprecated
)
# IPv4 inside IPv6: the last 32 bits are the IPv4 address that is finally reached.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, deprecated but still supported
ISATAP = 0x00005EFE  # RFC 5214: interface identifier ::[02]00:5efe:a.b.c.d


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, also inside an IPv6 transition form.

    The ranges come from IANA's special-purpose registries, through Python's `ipaddress`. Added here
    are the ranges that it lacks, multicast and the transition forms.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = _embedded(address)
        if embedded:
            return all(is_public(inner) for inner in embedded)
        # ISATAP works with any prefix, so both halves are checked: fd00::5efe:8.8.8.8 is private.
        if (int(address) >> 32) & 0xFDFFFFFF == ISATAP and not is_public(_last(address)):
            return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address only wraps; none if it wraps none."""
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
    """Return the addresses of a host, all of them allowed.

    `own_ports` are refused even where private addresses are allowed. Error messages do not contain
    the addresses, which may be known only inside a private network.

    Raises:
        SourceBlocked: an address is not public, or not allowed.
        SourceUnavailable: the name does not resolve, or not within `seconds`.
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
    """Return the local ports that the function's own environment variables name.

    One is Lambda's Runtime API, which gives the next invocation to any process that asks. In the
    local cloud, `AWS_ENDPOINT_URL` names the local port of the emulated AWS services.
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
    """Whether a host from the environment is this machine; other names belong to AWS."""
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def _look_up(host: str, port: int, seconds: float) -> list[str]:
    """Resolve a name within a time limit, which `getaddrinfo` does not have."""
    result: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result.put([str(answer[4][0]) for answer in answers])
        except (OSError, UnicodeError) as error:
            result.put(error)

    # A daemon thread, so that a pending lookup does not keep the process alive.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = result.get(timeout=seconds)
    except queue.Empty:
        raise SourceUnavailable(
            f"The name {host} did not resolve to an address within {seconds:.0f} seconds."
        ) from None
    if isinstance(answer, Exception):
        raise SourceUnavailable(f"The name {host} does not resolve to an address.") from answer
    return answer
