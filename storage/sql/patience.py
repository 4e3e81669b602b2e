"""How long a client waits for PostgreSQL: for a machine that is gone, and for one that is silent.

A peer whose machine vanished is found by keepalives, and by bytes that nobody acknowledges. One
that acknowledges and never answers (a stopped server, a proxy that lost the other half) is found
by neither: only a client that looks at its own clock stops waiting for it.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 8
LOCK_SECONDS = 5

# The server ends every statement before this, and says so; with the sweep that comes after it a
# revocation is still within its fifteen seconds.
ANSWER_SECONDS = 9.0

# Whether a pooled connection still lives is no work for the server.
PING_SECONDS = 3.0

# A new index of a large table takes the minutes that it takes, and another machine that is at it
# is waited for. Tables are not: whoever waits for one holds up all who come after.
MIGRATION_SECONDS = 600.0

_OPTIONS = (
    f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s "
    "-c idle_in_transaction_session_timeout=15s -c timezone=UTC"
)

UNHURRIED_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "target_session_attrs": "read-write",  # what a former primary says may be overtaken
    "options": f"-c lock_timeout={LOCK_SECONDS}s -c timezone=UTC",
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 6000,
}
CONNECT_ARGUMENTS: dict[str, Any] = {**UNHURRIED_ARGUMENTS, "options": _OPTIONS}


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed once the server has owed an answer for too long."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """What the server answered.

        Raises:
            OperationalError: nothing, in time; whether it took effect is unknown.
        """
        # Outside of transactions only the pool asks, whether a connection that it keeps lives.
        longest = PING_SECONDS if self.autocommit else ANSWER_SECONDS
        seconds = longest if timeout is None else min(timeout, longest)
        deadline = time.monotonic() + seconds
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError:
            if time.monotonic() >= deadline:
                self.close()  # its answer may come yet, and must be nobody else's
            raise
