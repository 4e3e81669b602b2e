"""Noting when keys were last used, after the commit that used them and not for every token."""

import time
from collections.abc import Iterable

from domain.ids import KeyId
from services.transactions import Transaction, Transactor
from services.verify_visitors import KeyUse
from storage.sql import signing_secrets

SECONDS_BETWEEN = 1.0
REMEMBERED = 10_000


class KeyUseNotes:
    """Keeps `last_verified_at` and `last_refused_at` right to about a second.

    A key's first verification is noted in its own commit by the verifier; this adds the later
    ones, at most one write a second and kind.
    """

    def __init__(self, transactor: Transactor) -> None:
        self._transactor = transactor
        self._noted: dict[tuple[str, KeyId], float] = {}

    def note(self, key_use: KeyUse) -> None:
        """The use stands in SQL, unless it did a moment ago."""
        verified = self._stale("verified", key_use.verified)
        refused = self._stale("refused", key_use.refused)
        at = key_use.at
        if at is None or not (verified or refused):
            return

        def use_case(transaction: Transaction) -> None:
            signing_secrets.lock_secrets(transaction.db, {*verified, *refused})
            if verified:
                signing_secrets.note_verified(transaction.db, verified, at)
            if refused:
                signing_secrets.note_refused(transaction.db, refused, at)

        self._transactor.run(use_case)

    def _stale(self, kind: str, key_ids: Iterable[KeyId]) -> list[KeyId]:
        now = time.monotonic()
        stale = [
            key_id
            for key_id in key_ids
            if now - self._noted.get((kind, key_id), -SECONDS_BETWEEN) >= SECONDS_BETWEEN
        ]
        if len(self._noted) > REMEMBERED:
            self._noted.clear()
        self._noted.update(((kind, key_id), now) for key_id in stale)
        return stale
