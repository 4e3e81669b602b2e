"""How a worker comes back to its broker after an outage."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 1.0


class PromptConsumer(Consumer):
    """Celery's consumer, which tries to reconnect every second instead of up to every thirty.

    A revocation may be late by fifteen seconds after the last fault; a worker that sleeps through
    half a minute of a broker that is back would break that.
    """

    def ensure_connected(self, conn: Any) -> Any:
        """The connection stands; tried until it does."""
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=FIRST_PAUSE_SECONDS,
            interval_step=FIRST_PAUSE_SECONDS,
            interval_max=LONGEST_PAUSE_SECONDS,
        )
        return super().ensure_connected(conn)
