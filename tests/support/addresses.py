"""The forms that IPv6 has for an IPv4 address."""

import ipaddress


def costumes(ipv4: str) -> dict[str, str]:
    """Return an IPv4 address in every form that IPv6 has for it."""
    bits = int(ipaddress.IPv4Address(ipv4))
    google = int(ipaddress.IPv6Address("2a00:1450:4001:830::"))
    server = int(ipaddress.IPv4Address("65.54.227.120"))
    forms = {
        "mapped": 0xFFFF << 32 | bits,
        "compatible": bits,
        "NAT64": 0x64FF9B << 96 | bits,
        "6to4": 0x2002 << 112 | bits << 80 | 1,
        "Teredo, client": 0x20010000 << 96 | server << 64 | (bits ^ 0xFFFFFFFF),
        "Teredo, server": 0x20010000 << 96 | bits << 64 | (server ^ 0xFFFFFFFF),
        "ISATAP": google | 0x5EFE << 32 | bits,
        "ISATAP, unique": google | 0x2005EFE << 32 | bits,
    }
    return {"plain": ipv4} | {name: str(ipaddress.IPv6Address(n)) for name, n in forms.items()}
