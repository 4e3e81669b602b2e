"""Rotations with their receipts, and when the old key was last used."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from domain.ids import ProjectId, RotationId
from domain.rotations import Rotation
from storage.sql import projects, rotations, signing_secrets


@dataclass(frozen=True, slots=True)
class LastUse:
    """When the old key last verified a token, and when one signed with it was last refused."""

    accepted_at: datetime | None = None
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RotationWithUse:
    """A rotation and what became of its old key."""

    rotation: Rotation
    last_old_key_use: LastUse


def read_rotation(
    db: Connection, project_id: ProjectId, rotation_id: RotationId
) -> RotationWithUse:
    """The rotation of that project, as its receipt stands now.

    Raises:
        RotationNotFound: there is none.
    """
    return _with_use(db, project_id, [rotations.get_rotation(db, project_id, rotation_id)])[0]


def read_rotations(
    db: Connection, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[RotationWithUse]:
    """Up to `limit` rotations of the project, newest first, older than the given id.

    Raises:
        ProjectNotFound: there is no such project.
    """
    projects.get_project(db, project_id)
    found = rotations.list_rotations(db, project_id, limit=limit, before=before)
    return _with_use(db, project_id, found)


def _with_use(
    db: Connection, project_id: ProjectId, found: list[Rotation]
) -> list[RotationWithUse]:
    uses = {
        secret.key_id: LastUse(secret.last_verified_at, secret.last_refused_at)
        for secret in signing_secrets.list_secrets(db, project_id)
    }
    return [
        RotationWithUse(rotation, uses.get(rotation.old_key_id or rotation.new_key_id, LastUse()))
        for rotation in found
    ]
