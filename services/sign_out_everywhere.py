"""Signing a person out everywhere; `services.end_sessions` carries it out."""

from dataclasses import dataclass

from domain.errors import Conflict
from domain.events import EventKind
from domain.ids import ProjectId, VisitorId
from domain.roles import Actor
from services.transactions import Transaction
from storage.sql import projects, signing_out, visitors


class VisitorAnonymous(Conflict):
    """This visitor never signed in, so there is nothing to sign out of."""

    code = "visitor_anonymous"


@dataclass(frozen=True, slots=True)
class SignedOutEverywhere:
    """The living person, their new epoch, and how many devices were open until now."""

    visitor_id: VisitorId
    person_epoch: int
    devices_ended: int


def sign_out_everywhere(
    transaction: Transaction, project_id: ProjectId, visitor_id: VisitorId, actor: Actor
) -> SignedOutEverywhere:
    """No session, device or token that the person has until now is worth anything.

    Epoch, `not_before`, ended devices, event and audit line are one commit. An absorbed record's
    id leads to the person that absorbed it.

    Raises:
        ProjectNotFound, VisitorNotFound: there is none.
        VisitorAnonymous: the visitor is nobody yet.
    """
    projects.lock_project(transaction.db, project_id)
    person = visitors.get_visitor(transaction.db, project_id, visitor_id)
    if person.custom_id is None:
        raise VisitorAnonymous
    projects.note_change(transaction.db, project_id, transaction.now)
    epoch = signing_out.raise_person_epoch(
        transaction.db, person.id, transaction.now, supersede_tokens=True
    )
    ended = signing_out.end_devices_of(transaction.db, [person.id], transaction.now)
    transaction.announce(
        EventKind.VISITOR_SIGNED_OUT,
        project_id,
        {"visitor_id": person.id, "person_epoch": epoch, "everywhere": True},
    )
    transaction.audit(actor, "visitor.signed_out", project_id, {"visitor_id": person.id})
    return SignedOutEverywhere(person.id, epoch, len(ended))
