"""Revoked secrets: kept sealed for seven days to name refusals, then gone for good."""

from services.stores import Stores
from storage.sql import signing_secrets


def erase_secrets(stores: Stores) -> int:
    """No secret revoked more than seven days ago is stored any more, not even sealed.

    Returns:
        How many were erased now.
    """
    return stores.transactor.run(
        lambda transaction: signing_secrets.erase_revoked_secrets(transaction.db, transaction.now)
    )
