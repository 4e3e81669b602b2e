"""Events on their way to the workers, from a command that may well send none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from domain.events import EventKind
from domain.json_values import Json

if TYPE_CHECKING:
    from config.publisher import Publisher


class EventSender:
    """Sends an event's task; nothing is loaded or opened before the first one.

    `left_to_relay` tells whether one could not be sent. It stands in the outbox all the same, and
    the relay sends it as soon as the broker takes it.
    """

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._publisher: Publisher | None = None
        self.left_to_relay = False

    def __call__(self, kind: EventKind, payload: Mapping[str, Json]) -> None:
        """The event's task lies with the broker.

        Raises:
            ConnectionError: it does not.
        """
        try:
            self._send(kind, payload)
        except Exception as error:
            # Whatever it is: the fact is committed, and who asked must get their answer.
            self.left_to_relay = True
            raise ConnectionError from error

    def close(self) -> None:
        """No connection is open."""
        if self._publisher:
            self._publisher.close()

    def _send(self, kind: EventKind, payload: Mapping[str, Json]) -> None:
        # Loading Celery takes as long as most commands do.
        from config.celery_app import make_celery  # noqa: PLC0415
        from config.publisher import Publisher  # noqa: PLC0415
        from config.queues import TASK_OF_EVENT  # noqa: PLC0415

        if self._publisher is None:
            self._publisher = Publisher(make_celery(self._broker_url))
        self._publisher(TASK_OF_EVENT[kind], payload)
