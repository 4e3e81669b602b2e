"""How a worker comes back to its broker after an outage, and what it does with poison."""

from functools import partial
from typing import Any

import structlog
from celery.worker.consumer import Consumer

from workers.occurrences import message_refused

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class PromptConsumer(Consumer):
    """Celery's consumer, which tries to reconnect every second instead of up to every thirty.

    A revocation may be late by fifteen seconds after the last fault; a worker that sleeps through
    half a minute of a broker that is back would break that.

    Messages that are none of ours are taken from the queue and told of. Celery would write their
    bodies into the log, whatever they hold.
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

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """The lost connection is given up, and whatever that raises ends no worker.

        Kombu wants to give back a message that could not be acknowledged, and has lost the way to
        the broker by then; the message comes back when its time is over.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:  # noqa: BLE001 - the connection is gone, and another follows
            log.warning("connection_not_given_up", error=type(error).__name__)

    def on_unknown_message(self, _body: object, message: Any) -> None:
        """It has not the form of a task's message."""
        self._refuse(message, "no_task")

    def on_unknown_task(self, _body: object, message: Any, _exc: object) -> None:
        """It is for a task that there is not."""
        self._refuse(message, "task_unknown")

    def on_invalid_task(self, _body: object, message: Any, _exc: object) -> None:
        """Its headers, or the kind of its body, are not what a task's are."""
        self._refuse(message, "task_invalid")

    def on_decode_error(self, message: Any, _exc: object) -> None:
        """Its body cannot be read."""
        self._refuse(message, "body_unreadable")

    def _refuse(self, message: Any, because: str) -> None:
        message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]
        headers = message.headers if isinstance(message.headers, dict) else {}
        message_refused.send(sender=self.app, task=str(headers.get("task")), because=because)
