"""When to try again what is unavailable: soon, and not everybody at once."""

from typing import Final

SHORTEST_MS: Final = 500
LONGEST_MS: Final = 3_000


def spread_retry_ms(fraction: float) -> int:
    """A wait for one client, in milliseconds.

    Args:
        fraction: of the span between the shortest and the longest wait, from 0 to 1; random, so
            that it differs from client to client.
    """
    return SHORTEST_MS + round(fraction * (LONGEST_MS - SHORTEST_MS))
