from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sockets import client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:aaaa::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:DB8:0::7"], "2001:db8::7"),
        ("2001:db8:aaaa::1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("", ["203.0.113.9"], "unknown"),
        ("10.0.0.1", [", ".join(["203.0.113.9"] + ["10.0.0.2"] * 16)], "10.0.0.2"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_proxy_of_ours(
    peer: str, forwarded_for: list[str], address: str
) -> None:
    """Entries count only as far as a trusted proxy vouches for them."""
    assert client_address(peer, forwarded_for, PROXIES) == address


@given(st.ip_addresses(), st.lists(st.text()))
def test_nobody_is_believed_without_trusted_proxies(peer: object, headers: list[str]) -> None:
    """Whatever the header says, the address is the connection's own."""
    address = client_address(str(peer), headers, [])

    mapped = getattr(peer, "ipv4_mapped", None)
    assert ip_address(address) == (mapped or peer)


@given(st.lists(st.text()))
def test_no_header_breaks_the_walk(headers: list[str]) -> None:
    """Any text at all gives an address."""
    assert ip_address(client_address("10.0.0.1", headers, PROXIES))
