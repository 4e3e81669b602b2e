"""Moving every sealed secret to the first sealing key, so that an older one can be taken away."""

import os
from collections.abc import Callable
from functools import partial

from domain.errors import WidgetAuthError
from domain.sealing import NONCE_BYTES, SecretSealer
from domain.signing_secrets import SigningSecret
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import signing_secrets

AT_ONCE = 100


class ResealStopped(WidgetAuthError):
    """Secrets are left that an older sealing key may seal."""

    code = "stopped"

    def __init__(self, moved: int) -> None:
        super().__init__(
            f"Stopped; {moved} secrets have been resealed. Older sealing keys are still needed"
            " until it has run to its end."
        )


def reseal_secrets(stores: Stores, goes_on: Callable[[], bool]) -> int:
    """Every secret is sealed with the first sealing key; returns how many were not before.

    Every commit stands alone, so that it may end after any of them and be begun again.

    Args:
        stores: where the secrets are, and the keys.
        goes_on: whether to, asked before each of the commits.

    Raises:
        ResealStopped: it does not go on, and there is more to look at.
        SealBroken: one is sealed with a key that is not given; those before it have been moved.
    """
    moved, after = 0, ""
    while page := _page(stores, after):
        if not goes_on():
            raise ResealStopped(moved)
        old = [one for one in page if not stores.sealer.sealed_with_first(one.sealed or "")]
        if old:
            moved += stores.transactor.run(partial(_reseal, sealer=stores.sealer, old=old))
        after = page[-1].key_id
    return moved


def _page(stores: Stores, after: str) -> list[SigningSecret]:
    with stores.database.reading() as db:
        return signing_secrets.list_sealed(db, after=after, limit=AT_ONCE)


def _reseal(transaction: Transaction, *, sealer: SecretSealer, old: list[SigningSecret]) -> int:
    """One that was erased or resealed meanwhile is left as it is."""
    return sum(
        signing_secrets.replace_seal(transaction.db, secret, _sealed_anew(sealer, secret))
        for secret in old
    )


def _sealed_anew(sealer: SecretSealer, secret: SigningSecret) -> str:
    row = secret.project_id, secret.key_id
    return sealer.seal(sealer.open(secret.sealed or "", *row), *row, os.urandom(NONCE_BYTES))
