"""Whose many addresses count as one."""

import pytest

from domain.client_addresses import UNKNOWN, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        (UNKNOWN, UNKNOWN),
    ],
)
def test_a_subscribers_ipv6_addresses_count_as_one(address: str, network: str) -> None:
    """By the network that one subscriber has; an IPv4 address stands for itself."""
    assert network_of(address) == network
