"""What the stores hold at the end of a run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.events import EventKind
from domain.ids import ProjectId
from domain.rotations import Rotation
from domain.signing_secrets import SigningSecret
from storage.redis import publications, sessions
from storage.redis.client import Redis
from storage.sql import projects, rotations, signing_secrets
from storage.sql.engine import Database
from storage.sql.tables import messages, outbox, visitors

PAGE = 200


@dataclass(slots=True)
class ProjectTruth:
    """One project. `held` counts its sessions in Redis by generation; None: anonymous ones."""

    epoch: int
    secrets: dict[str, SigningSecret]
    rotations: list[Rotation]
    undone: int
    verified: list[tuple[str, datetime]]
    people: dict[str, list[str]]
    message_ids: set[str]
    redis_epoch: int | None = None
    held: dict[int | None, int] = field(default_factory=dict)

    def generation(self, key_id: str | None) -> int | None:
        """The generation of a key; None for no key, and for one that SQL does not know."""
        secret = self.secrets.get(key_id or "")
        return secret.generation if secret else None

    @property
    def uncompleted(self) -> list[Rotation]:
        """Rotations that have not come to their end."""
        return [rotation for rotation in self.rotations if rotation.completed_at is None]


def read_truth(
    database: Database, client: Redis, project_ids: Iterable[str]
) -> dict[str, ProjectTruth]:
    """Both stores, as they are now.

    Raises:
        StorageUnavailable: one of them does not answer.
    """
    found: dict[str, ProjectTruth] = {}
    for project_id in map(ProjectId, project_ids):
        with database.reading() as db:
            truth = _read_sql(db, project_id)
        version = publications.read_versions(client, [project_id])[project_id]
        truth.redis_epoch = version.epoch
        truth.held = dict(Counter(sessions.count_by_generation(client, project_id)))
        found[project_id] = truth
    return found


def _read_sql(db: Connection, project_id: ProjectId) -> ProjectTruth:
    people: dict[str, list[str]] = {}
    living = sa.select(visitors.c.custom_id, visitors.c.id).where(
        visitors.c.project_id == project_id, visitors.c.custom_id.is_not(None)
    )
    for custom_id, visitor_id in db.execute(living):
        people.setdefault(custom_id, []).append(visitor_id)
    events = db.execute(
        sa.select(outbox.c.kind, outbox.c.payload, outbox.c.created_at, outbox.c.done_at).where(
            outbox.c.project_id == project_id
        )
    ).all()
    said = sa.select(messages.c.id).where(messages.c.project_id == project_id)
    secrets = signing_secrets.list_secrets(db, project_id)
    return ProjectTruth(
        epoch=projects.get_project(db, project_id).epoch,
        secrets={secret.key_id: secret for secret in secrets},
        rotations=_all_rotations(db, project_id),
        undone=sum(1 for event in events if event.done_at is None),
        verified=[
            (event.payload["key_id"], event.created_at)
            for event in events
            if event.kind == EventKind.VISITOR_VERIFIED
        ],
        people=people,
        message_ids=set(db.scalars(said)),
    )


def _all_rotations(db: Connection, project_id: ProjectId) -> list[Rotation]:
    found: list[Rotation] = []
    while page := rotations.list_rotations(
        db, project_id, limit=PAGE, before=found[-1].id if found else None
    ):
        found += page
    return found
