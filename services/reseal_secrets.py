"""Moving every sealed secret to the first sealing key, so that an older one can be taken away."""

import os
from functools import partial

from domain.sealing import NONCE_BYTES, SecretSealer
from domain.signing_secrets import SigningSecret
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import signing_secrets

AT_ONCE = 100


def reseal_secrets(stores: Stores) -> int:
    """Every secret is sealed with the first sealing key; returns how many were not before.

    Raises:
        SealBroken: one is sealed with a key that is not given; those before it have been moved.
    """
    moved, after = 0, ""
    while page := _page(stores, after):
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
