"""Which network addresses a download may connect to."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Resolve = Callable[[str], list[Address]]

UNICAST = IPv6Network("2000::/3")
"""All that is public in IPv6. Outside it lie loopback, link-local and unique local addresses, and
the prefixes that carry an IPv4 address inside (``::ffff:0:0/96``, ``64:ff9b::/96``)."""

SIX_TO_FOUR = IPv6Network("2002::/16")
"""Carries an IPv4 address inside, too."""


def resolve(host: str) -> list[Address]:
    """All addresses of a host.

    Raises:
        OSError: the name cannot be resolved.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address lies in the open internet, and not in this machine or network."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address):
        return address in UNICAST and address not in SIX_TO_FOUR
    return True
