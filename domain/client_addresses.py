"""Whose address a request has, where proxies stand before us."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_PROXIES: Final = 16
MAX_REMEMBERED: Final = 4_096
UNKNOWN: Final = "unknown"
SUBSCRIBER_BITS: Final = 64


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that no trusted proxy has, or the farthest there is.

    Each proxy appends whom it got the request from, so the header is read from its end, and only
    as long as the address that vouches for an entry is trusted. An entry that is no address ends
    the walk: the proxy that wrote it is then the client. An IPv4 address mapped into IPv6 counts
    as the IPv4 address.

    Args:
        peer: the address of the TCP connection; empty for a Unix socket, which is never trusted.
        forwarded_for: the X-Forwarded-For headers in their order; at most the last 16 entries of
            them are looked at.
        trusted: the networks of our own proxies.
    """
    address = _parse(peer)
    if address is None:
        return UNKNOWN
    if forwarded_for and trusted:
        address = _walk(address, ",".join(forwarded_for), trusted)
    return str(address)


def network_of(address: str) -> str:
    """Of whom an address may be one of many: an IPv6 address counts as its network of 64 bits.

    A single subscriber commonly has that many addresses, and could come from another one each time.
    """
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, SUBSCRIBER_BITS), strict=False))
    return address


def _walk(address: Address, header: str, trusted: Sequence[Network]) -> Address:
    entries = header.rsplit(",", MAX_PROXIES)[-MAX_PROXIES:]
    for entry in reversed(entries):
        if not any(address in network for network in trusted):
            break
        farther = _parse(_without_port(entry.strip()))
        if farther is None:
            break
        address = farther
    return address


def _without_port(entry: str) -> str:
    """`192.0.2.1:4711` and `[2001:db8::1]:4711` without what is no address."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    if entry.count(":") == 1:
        return entry.partition(":")[0]
    return entry


@lru_cache(MAX_REMEMBERED)
def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
