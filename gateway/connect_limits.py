"""How many sockets one address may open in a minute, counted in bounded memory."""

from ipaddress import IPv6Address, ip_address

from domain.cards import Limits
from domain.rate_windows import RateTable

MAX_COUNTED = 100_000
_IPV6_HOST_BITS = 64


class ConnectLimits:
    """Counts by project and address, and by address alone what names a project not held here.

    An IPv6 address counts as its /64, which is what one customer of a provider owns. A flood of
    addresses costs no more than `max_counted` counters, and takes nobody's budget.
    """

    def __init__(self, max_counted: int = MAX_COUNTED) -> None:
        self._table = RateTable(max_counted)

    def admit(self, project_id: str, address: str, limit: int, now: float) -> bool:
        """Whether the address may open one more socket of the project, which is held here."""
        return self._table.admit((project_id, _network(address)), limit, now)

    def admit_to_unheld(self, address: str, now: float) -> bool:
        """Whether the address may name one more project that is not held: it may be made up."""
        return self._table.admit(_network(address), Limits().connects_per_address, now)


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
