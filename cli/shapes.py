"""JSON as scripts rely on it: the contract's shapes."""

from datetime import datetime

from domain.events import OutboxEvent
from domain.health import Check
from domain.json_values import Json, JsonObject
from domain.projects import Project
from domain.rotations import Rotation
from domain.times import to_wire
from services.read_rotations import LastUse, RotationWithUse
from services.read_secrets import SecretWithDate
from services.read_sessions import LiveSession
from services.read_visitors import Belongings
from storage.sql.parking import ParkedMessage
from storage.sql.visitors import Visitor

ANONYMOUS = "anonymous"


def project_shape(project: Project) -> JsonObject:
    """The project with its settings."""
    return {
        "id": project.id,
        "name": project.name,
        "time_zone": project.time_zone,
        "operating_hours": project.operating_hours,
        "token_policy": project.token_policy.to_json(),
        "allowed_origins": list(project.allowed_origins),
        "limits": {name: getattr(project.limits, name) for name in project.limits.__slots__},
        "created_at": to_wire(project.created_at),
        "halted_at": _wire(project.halted_at),
    }


def secret_shape(found: SecretWithDate) -> JsonObject:
    """What may be known of a secret: everything but the secret."""
    secret = found.stored
    return {
        "key_id": secret.key_id,
        "state": secret.state.value,
        "last_four": secret.last_four,
        "created_at": to_wire(secret.created_at),
        "created_by": secret.created_by,
        "due_at": _wire(found.due_at),
        "revoked_at": _wire(secret.revoked_at),
        "last_verified_at": _wire(secret.last_verified_at),
        "last_refused_at": _wire(secret.last_refused_at),
    }


def rotation_shape(found: RotationWithUse) -> JsonObject:
    """The rotation as its receipt stands."""
    rotation, use = found.rotation, found.last_old_key_use
    return {
        "id": rotation.id,
        "state": rotation.state.value,
        "how": rotation.how,
        "pinned": rotation.pinned,
        "forced": rotation.forced,
        "moved_because": rotation.moved_because.value if rotation.moved_because else None,
        "moved_at": _wire(rotation.moved_at),
        "requested_at": to_wire(rotation.requested_at),
        "due_at": _wire(rotation.due_at),
        "effective_at": _wire(rotation.effective_at),
        "completed_at": _wire(rotation.completed_at),
        "sessions": {
            "targeted": rotation.sessions.targeted,
            "closed": rotation.sessions.closed,
            "gone": rotation.sessions.gone,
        },
        "nodes": {
            "asked": rotation.nodes.asked,
            "answered": rotation.nodes.answered,
            "expired": list(rotation.nodes.expired),
        },
        "last_old_key_use": {
            "accepted_at": _wire(use.accepted_at),
            "refused_at": _wire(use.refused_at),
        },
        "old_key_id": rotation.old_key_id,
        "new_key_id": rotation.new_key_id,
        "requested_by": rotation.requested_by,
        "reason": rotation.reason,
    }


def begun_shape(rotation: Rotation | None) -> JsonObject | None:
    """A rotation that a new secret caused."""
    return rotation_shape(RotationWithUse(rotation, LastUse())) if rotation else None


def session_shape(session: LiveSession) -> JsonObject:
    """A live session; without a key it is anonymous."""
    return {
        "id": session.id,
        "visitor_id": session.visitor_id,
        "key_id": session.key_id,
        "node": session.node_id,
        "connected_at": to_wire(session.connected_at),
    }


def visitor_shape(visitor: Visitor, theirs: Belongings) -> JsonObject:
    """The person, the devices read through them, and what they absorbed."""
    merges = theirs.merges
    shown: list[Json] = [{"id": d.id, "ended_at": _wire(d.ended_at)} for d in theirs.devices]
    return {
        "id": visitor.id,
        "custom_id": visitor.custom_id,
        "authenticated": visitor.authenticated_at is not None,
        "name": visitor.name,
        "email": visitor.email,
        "authenticated_at": _wire(visitor.authenticated_at),
        "authenticated_by": visitor.authenticated_by,
        "created_at": to_wire(visitor.created_at),
        "devices": shown,
        "more_devices": theirs.more_devices,
        "absorbed": [merge.absorbed_id for merge in merges if merge.undone_at is None],
        "merges": [
            {"id": m.id, "absorbed_id": m.absorbed_id, "undone_at": _wire(m.undone_at)}
            for m in merges
        ],
        "more_merges": theirs.more_merges,
    }


def event_shape(event: OutboxEvent) -> JsonObject:
    """An event of the outbox; its payload says where to look, and holds no secret."""
    return {
        "id": event.event_id,
        "project_id": event.project_id,
        "kind": event.kind.value,
        "payload": event.payload,
        "created_at": to_wire(event.created_at),
        "done_at": _wire(event.done_at),
        "attempts": event.attempts,
        "parked_at": _wire(event.parked_at),
        "parked_because": event.parked_because,
    }


def parked_message_shape(message: ParkedMessage) -> JsonObject:
    """A message that came to nothing; what it held was not kept."""
    return {
        "id": message.id,
        "task": message.task,
        "because": message.because,
        "parked_at": to_wire(message.parked_at),
        "event_id": message.reference,
        "repeated": message.repeated,
    }


def check_shape(check: Check) -> JsonObject:
    """One thing that was looked at."""
    return {
        "name": check.name,
        "ok": check.ok,
        "level": check.level.value,
        "message": check.message,
    }


def _wire(moment: datetime | None) -> str | None:
    return to_wire(moment) if moment else None
