"""Persons who sign out where they had signed in: what agents see of them is verified no longer."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from domain.ids import ProjectId, VisitorId
from domain.projects import Project
from services.transactions import Transaction
from storage.sql import signing_out


def note_left(
    transaction: Transaction,
    known: Mapping[ProjectId, Project],
    left: Iterable[tuple[ProjectId, VisitorId]],
) -> None:
    """Those have left who have a proof in no other browser, as far as SQL can know.

    A browser that was closed without a sign-out counts for as long as its proof would have stood.

    Args:
        transaction: has ended the devices concerned, and holds the projects' locks.
        known: the projects.
        left: who has signed out somewhere.
    """
    of: dict[ProjectId, set[VisitorId]] = {}
    for project_id, visitor_id in left:
        of.setdefault(project_id, set()).add(visitor_id)
    for project_id, visitor_ids in of.items():
        lasts = timedelta(seconds=known[project_id].token_policy.proof_seconds)
        since = transaction.now - lasts
        signing_out.note_left(transaction.db, visitor_ids, transaction.now, proofs_since=since)
