"""A project's secrets as they may be shown: never the secret itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.signing_secrets import SigningSecret
from storage.sql import projects, rotations, signing_secrets


@dataclass(frozen=True, slots=True)
class SecretWithDate:
    """A secret, and when it is to be revoked, where that is planned."""

    stored: SigningSecret
    due_at: datetime | None = None


def read_secrets(
    db: Connection, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[SecretWithDate]:
    """Up to `limit` secrets of the project, newest generation first, older than the given key.

    A key that the project does not have is older than all of them.

    Raises:
        ProjectNotFound: there is no such project.
    """
    projects.get_project(db, project_id)
    stored = signing_secrets.list_secrets(db, project_id)
    if before is not None:
        key_ids: list[str] = [secret.key_id for secret in stored]
        stored = stored[key_ids.index(before) + 1 :] if before in key_ids else []
    dates = {
        rotation.old_key_id: rotation.due_at for rotation in rotations.list_pending(db, project_id)
    }
    return [SecretWithDate(secret, dates.get(secret.key_id)) for secret in stored[:limit]]
