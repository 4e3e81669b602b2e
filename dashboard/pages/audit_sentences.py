"""The audit log in sentences: one for each action, and one for actions without."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain import roles
from domain.json_values import Json
from domain.times import from_wire
from storage.sql.actors import ActorName
from storage.sql.audit import AuditEntry

# What follows the actor's name. `access.refused` and those with a reason say more beside.
SENTENCES: dict[str, str] = {
    "access.refused": "was refused",
    "api_key.issued": "issued an API key",
    "api_key.revoked": "revoked an API key",
    "event.parked": "parked an event that could not be carried out",
    "event.replayed": "had an event carried out again",
    "invitation.accepted": "accepted an invitation",
    "invitation.withdrawn": "withdrew an invitation",
    "member.added": "added a member",
    "member.invited": "invited somebody",
    "member.password_changed": "changed their password",
    "member.removed": "removed a member",
    "member.signed_in": "signed in to the dashboard",
    "member.signed_out": "signed out of the dashboard",
    "member.signed_out_elsewhere": "signed out another browser of theirs",
    "member.signed_out_everywhere": "signed out of the dashboard everywhere",
    "member.token_issued": "signed in as in the original system",
    "merge.undone": "undid a merge of visitors",
    "message.sent": "answered a visitor",
    "messages.dismissed": "dismissed parked messages",
    "project.changed": "changed the project's settings",
    "project.created": "created the project",
    "project.halted": "halted the project: Redis knew of revocations that the database had lost",
    "project.settled": "settled the project, and sign-ins work again",
    "rotation.cancelled": "cancelled a rotation; secrets that were revealed stay valid",
    "rotation.cut": "revoked the previous secret as planned",
    "rotation.moved": "moved a rotation with the operating hours",
    "rotation.pinned": "pinned a rotation to its date",
    "rotation.planned": "generated a new secret, and planned the end of the previous one",
    "rotation.policy_set": "set how often secrets are rotated",
    "rotation.postponed": "put a rotation off",
    "rotation.rescheduled": "gave a rotation another date",
    "rotation.run": "ran a rotation before its date",
    "rotation.scheduled": "had a new secret made by the policy, which waits to be revealed",
    "rotation.unpinned": "let a rotation follow the operating hours again",
    "secret.generated": "generated the first secret",
    "secret.regenerated": "regenerated the secret; every earlier one is revoked",
    "secret.revealed": "revealed a waiting secret",
    "visitor.signed_out": "signed a visitor out everywhere",
}

_LABELS = {
    "action": "Action",
    "api_key_id": "API key",
    "because": "Because",
    "due_at": "Due",
    "epoch": "Epoch",
    "event_id": "Event",
    "every_days": "Every so many days",
    "forced": "Forced",
    "invitation_id": "Invitation",
    "key_id": "New secret",
    "member_id": "Member",
    "members": "Settings",
    "merge_id": "Merge",
    "message_id": "Message",
    "moved_because": "Because",
    "name": "Name",
    "pinned": "Pinned",
    "reason": "Reason",
    "revoked": "Revoked",
    "role": "Role",
    "rotation_id": "Rotation",
    "route": "Request",
    "visitor_id": "Visitor",
}
_WORDS = {
    "worker": "The system",
    "policy": "The rotation policy",
    "dev": "The first run",
}
_TIMES = frozenset({"due_at"})
_CODES = frozenset({"because", "members", "moved_because"})
_PAGES = {"rotation_id": "rotations", "visitor_id": "visitors"}


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing more that is known of an entry; a time stands as such.

    `page` is where there is more of it, below the project's path.
    """

    label: str
    text: str
    moment: datetime | None = None
    page: str | None = None


def sentence_of(entry: AuditEntry) -> str:
    """What was done, to follow the actor's name."""
    return SENTENCES.get(entry.action, f"did {entry.action}")


def details_of(entry: AuditEntry, names: Mapping[str, str]) -> list[Detail]:
    """Everything else that stands in the entry.

    Args:
        entry: of the log.
        names: what those of its ids are called that have a name.
    """
    details: Mapping[str, Json] = entry.details or {}
    return [_detail(name, value, names) for name, value in details.items()]


def who(actor: str, names: Mapping[str, ActorName]) -> str:
    """What people call an actor: by name where there is one."""
    known = names.get(actor)
    return known.text if known else actor_words(actor)


def actor_words(actor: str) -> str:
    """What an actor is called who is no member and no API key that is known."""
    kind, _, name = actor.partition(":")
    match kind:
        case "cli":
            return f"{name}, on the command line"
        case roles.MEMBER:
            return "A former member"
        case roles.API_KEY:
            return "A former API key"
        case _:
            return _WORDS.get(kind, actor)


def _detail(name: str, value: Json, names: Mapping[str, str]) -> Detail:
    label = _LABELS.get(name, name.replace("_", " ").capitalize())
    if name in _TIMES and isinstance(value, str):
        return Detail(label, value, from_wire(value))
    page = _PAGES.get(name)
    return Detail(label, _text(name, value, names), page=f"{page}/{value}" if page else None)


def _text(name: str, value: Json, names: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return ", ".join(_text(name, each, names) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text.replace("_", " ").replace(".", ": ") if name in _CODES else names.get(text, text)
