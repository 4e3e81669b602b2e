"""How many sockets one address may open in a minute, counted in bounded memory."""

from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address

WINDOW_SECONDS = 60.0
MAX_COUNTED = 100_000
_SHARED_COUNTERS = 1_024
_IPV6_HOST_BITS = 64


class ConnectLimits:
    """Fixed windows of a minute, one counter for each project and address.

    An IPv6 address counts as its /64, which is what one customer of a provider owns. Beyond
    `max_counted` counters in one window further addresses share a few, so that a flood of
    addresses costs no more memory and is still limited.
    """

    def __init__(self, max_counted: int = MAX_COUNTED) -> None:
        self._max_counted = max_counted
        self._counts: dict[Hashable, int] = {}
        self._window_ends = 0.0

    def admit(self, project_id: str, address: str, limit: int, now: float) -> bool:
        """Whether the address may open one more socket; now in monotonic seconds."""
        if now >= self._window_ends:
            self._counts = {}
            self._window_ends = now + WINDOW_SECONDS
        key: Hashable = (project_id, _network(address))
        if key not in self._counts and len(self._counts) >= self._max_counted:
            key = hash(key) % _SHARED_COUNTERS
        count = self._counts.get(key, 0)
        if count >= limit:
            return False
        self._counts[key] = count + 1
        return True


def _network(address: str) -> str | int:
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return int(parsed) >> _IPV6_HOST_BITS
