"""Key rings for verification: states read in the transaction at hand, opened secrets cached."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import structlog
from sqlalchemy.engine import Connection

from domain.ids import KeyId, ProjectId
from domain.sealing import SealBroken, SecretSealer
from domain.signing_secrets import SigningSecret
from domain.tokens.keys import KeyRing, VerificationKey
from storage.sql import signing_secrets

log = structlog.get_logger(__name__)

OPENED_KEPT = 4096


@dataclass(frozen=True, slots=True)
class LoadedRings:
    """A ring for each project, and the keys in them that never verified a token yet."""

    by_project: dict[ProjectId, KeyRing]
    unproven: frozenset[KeyId]


class KeyRings:
    """Loads the rings of projects.

    Only the opening of a sealed text is remembered, by that text: whether a secret still verifies
    is read anew in every transaction, so no cache can outlive a revocation.
    """

    def __init__(self, sealer: SecretSealer) -> None:
        self._open = lru_cache(maxsize=OPENED_KEPT)(sealer.open)

    def load(
        self, db: Connection, project_ids: Collection[ProjectId], now: datetime
    ) -> LoadedRings:
        """A ring for each project; an empty one where it has no secret that can be opened."""
        stored = signing_secrets.list_usable_secrets(db, project_ids, now)
        keys: dict[ProjectId, list[VerificationKey]] = {id_: [] for id_ in project_ids}
        for secret in stored:
            keys[secret.project_id] += self._opened(secret)
        return LoadedRings(
            {id_: KeyRing(id_, tuple(found)) for id_, found in keys.items()},
            frozenset(s.key_id for s in stored if s.last_verified_at is None),
        )

    def _opened(self, secret: SigningSecret) -> Iterable[VerificationKey]:
        try:
            opened = self._open(secret.sealed or "", secret.project_id, secret.key_id)
        except SealBroken:
            log.error("signing_secret_not_opened", key_id=secret.key_id)  # noqa: TRY400 - no trace
            return
        yield VerificationKey(
            key_id=secret.key_id,
            generation=secret.generation,
            state=secret.state,
            secret=opened,
            revoked_at=secret.revoked_at,
        )
