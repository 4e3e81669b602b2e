"""Undoing a merge: the absorbed record stands by itself again, for good."""

from domain.errors import Conflict
from domain.events import EventKind
from domain.ids import MergeId, ProjectId
from domain.roles import Actor
from services.transactions import Transaction
from storage.sql import merges, projects, signing_out
from storage.sql.merges import StoredMerge


class AlreadyUndone(Conflict):
    """This merge has been undone before; the two records are never merged again."""

    code = "already_undone"


def undo_merge(
    transaction: Transaction, project_id: ProjectId, merge_id: MergeId, actor: Actor
) -> StoredMerge:
    """The absorbed record has its own devices and messages again; what came later stays.

    The person's sessions and the open devices of both records end with this commit: they may be
    in the hands of two people.

    Raises:
        ProjectNotFound, MergeNotFound: there is none.
        AlreadyUndone: it has been undone before.
    """
    db = transaction.db
    projects.lock_project(db, project_id)
    now = transaction.now
    merge = merges.get_merge(db, project_id, merge_id)
    if merge.undone_at is not None:
        raise AlreadyUndone
    signing_out.end_devices_of(db, [merge.survivor_id, merge.absorbed_id], now)
    merges.undo(db, merge, now)
    projects.note_change(db, project_id, now)
    epoch = signing_out.raise_person_epoch(db, merge.survivor_id, now, supersede_tokens=False)
    transaction.announce(
        EventKind.MERGE_UNDONE,
        project_id,
        {
            "merge_id": merge.id,
            "visitor_id": merge.survivor_id,
            "absorbed_id": merge.absorbed_id,
            "person_epoch": epoch,
        },
    )
    transaction.audit(actor, "merge.undone", project_id, {"merge_id": merge.id})
    return merges.get_merge(db, project_id, merge_id)
