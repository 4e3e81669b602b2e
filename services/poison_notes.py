"""Messages that come to nothing: listed for operators, bounded in number, never their content."""

import threading
import time
from collections import Counter

import structlog

from domain.errors import StorageUnavailable
from services.transactions import Transaction, Transactor
from storage.sql import parking
from storage.sql.parking import ParkedMessage

log = structlog.get_logger(__name__)

SECONDS_BETWEEN = 1.0


class PoisonNotes:
    """Parks messages, at most one write a second of a kind however many come.

    A kind is a task and a reason, both out of a short list: whoever floods a queue fills nothing.
    """

    def __init__(self, transactor: Transactor) -> None:
        self._transactor = transactor
        self._lock = threading.Lock()
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._references: dict[tuple[str, str], str | None] = {}
        self._written: dict[tuple[str, str], float] = {}

    def note(self, task: str, because: str, reference: str | None = None) -> None:
        """The message is listed, or counted and listed a little later. Nothing is raised.

        Args:
            task: one of ours, or a word for all others.
            because: a fixed word, or the name of an error's type.
            reference: an id of ours that the message named.
        """
        kind = (task, because)
        with self._lock:
            self._waiting[kind] += 1
            self._references.setdefault(kind, reference)
            if time.monotonic() - self._written.get(kind, -SECONDS_BETWEEN) < SECONDS_BETWEEN:
                return
        self._write(kind)

    def flush(self) -> None:
        """What was only counted so far is listed too."""
        for kind in list(self._waiting):
            self._write(kind)

    def _write(self, kind: tuple[str, str]) -> None:
        with self._lock:
            times, reference = self._waiting.pop(kind, 0), self._references.pop(kind, None)
            self._written[kind] = time.monotonic()
        if not times:
            return
        task, because = kind
        log.error("message_parked", parked=task, because=because, reference=reference, times=times)

        def use_case(transaction: Transaction) -> None:
            message = ParkedMessage(
                transaction.new_ordered_id(), transaction.now, task, because, reference
            )
            parking.park_messages(transaction.db, message, times)

        try:
            self._transactor.run(use_case)
        except StorageUnavailable:
            log.warning("message_not_parked", parked=task, because=because, times=times)
