"""A person's other sockets hear that their record changed."""

from collections.abc import Sequence

import structlog

from domain.errors import StorageUnavailable
from domain.merging import PersonChange
from services.stores import Stores
from storage.redis import leases, signals

log = structlog.get_logger(__name__)


def tell_visitor_changes(stores: Stores, changes: Sequence[PersonChange]) -> None:
    """Every living node has been told whose name or e-mail is another now.

    A node that cannot be told now does not hear of it later: its sockets are told who they are at
    their next sign-in.
    """
    if not changes:
        return
    told = [_signal(change) for change in changes]
    try:
        signals.send_to_all(stores.redis, leases.list_living(stores.redis), *told)
    except StorageUnavailable:
        log.warning("visitor_changes_not_told", changes=len(changes))


def _signal(change: PersonChange) -> dict[str, object]:
    person = change.person
    return {
        "type": "visitor",
        "project_id": person.project_id,
        "visitor": {
            "id": person.id,
            "custom_id": person.custom_id,
            "name": person.name,
            "email": person.email,
        },
        "session_id": change.session_id,
    }
