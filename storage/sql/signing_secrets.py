"""Signing secrets in SQL: sealed, one row a generation."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import KeyId, ProjectId
from domain.signing_secrets import SecretState, SigningSecret
from storage.sql.tables import projects, signing_secrets

# A revoked secret is kept sealed this long, only to name the refusal `key_revoked`.
REVOKED_KEPT = timedelta(days=7)

# However often a project was regenerated this week, only its latest secrets are looked at.
GENERATIONS_NAMED = 20

_newest = signing_secrets.alias("newest")
_LATEST_GENERATION = (
    sa.select(sa.func.max(_newest.c.generation))
    .where(_newest.c.project_id == projects.c.id)
    .scalar_subquery()
)


def _living(state: SecretState) -> sa.Select[Any]:
    """The projects' secrets in this state, one each at most; found by the index that says so."""
    return sa.select(signing_secrets).where(
        signing_secrets.c.project_id.in_(sa.bindparam("ids", expanding=True)),
        signing_secrets.c.state == sa.literal_column(f"'{state}'"),
    )


# How lately is no condition here: the index of those times is one over all projects.
_LATEST_REVOKED = sa.select(signing_secrets).where(
    projects.c.id.in_(sa.bindparam("ids", expanding=True)),
    signing_secrets.c.project_id == projects.c.id,
    signing_secrets.c.generation > _LATEST_GENERATION - GENERATIONS_NAMED,
    signing_secrets.c.state == SecretState.REVOKED,
    signing_secrets.c.sealed.is_not(None),
)
_OF_PROJECTS = sa.union_all(
    _living(SecretState.ACTIVE), _living(SecretState.RETIRING), _LATEST_REVOKED
)


def insert_secret(db: Connection, secret: SigningSecret) -> None:
    """The secret is stored, sealed."""
    db.execute(
        signing_secrets.insert().values({name: getattr(secret, name) for name in secret.__slots__})
    )


def list_secrets(db: Connection, project_id: ProjectId) -> list[SigningSecret]:
    """Every generation of the project, newest first."""
    query = (
        sa.select(signing_secrets)
        .where(signing_secrets.c.project_id == project_id)
        .order_by(signing_secrets.c.generation.desc())
    )
    return [_secret(row) for row in db.execute(query).mappings()]


def list_usable_secrets(
    db: Connection, ids: Collection[ProjectId], now: datetime
) -> list[SigningSecret]:
    """What verification needs of these projects: active, retiring, and lately revoked ones.

    Of each at most two that live and twenty that do not.
    """
    rows = db.execute(_OF_PROJECTS, {"ids": list(ids)})
    secrets = (_secret(row) for row in rows.mappings())
    return [s for s in secrets if s.revoked_at is None or s.revoked_at > now - REVOKED_KEPT]


def revoke_secrets(db: Connection, key_ids: Collection[KeyId], now: datetime) -> None:
    """These secrets are revoked. A waiting one, never revealed, is erased at once."""
    if not key_ids:
        return
    db.execute(
        signing_secrets.update()
        .where(signing_secrets.c.key_id.in_(key_ids), signing_secrets.c.revoked_at.is_(None))
        .values(
            state=SecretState.REVOKED,
            revoked_at=now,
            sealed=sa.case(
                (signing_secrets.c.state == SecretState.WAITING, sa.null()),
                else_=signing_secrets.c.sealed,
            ),
        )
    )


def change_state(db: Connection, key_id: KeyId, state: SecretState, now: datetime) -> None:
    """The secret has passed into that state; a revoked one at this time."""
    if state is SecretState.REVOKED:
        revoke_secrets(db, [key_id], now)
        return
    db.execute(
        signing_secrets.update().where(signing_secrets.c.key_id == key_id).values(state=state)
    )


def erase_revoked_secrets(db: Connection, now: datetime) -> int:
    """Secrets revoked more than 7 days ago are erased; returns how many were."""
    result = db.execute(
        signing_secrets.update()
        .where(
            signing_secrets.c.revoked_at <= now - REVOKED_KEPT,
            signing_secrets.c.sealed.is_not(None),
        )
        .values(sealed=None)
    )
    return result.rowcount


def list_sealed(db: Connection, *, after: str, limit: int) -> list[SigningSecret]:
    """Up to `limit` secrets of all projects that are not erased, in key order."""
    query = (
        sa.select(signing_secrets)
        .where(signing_secrets.c.key_id > after, signing_secrets.c.sealed.is_not(None))
        .order_by(signing_secrets.c.key_id)
        .limit(limit)
    )
    return [_secret(row) for row in db.execute(query).mappings()]


def replace_seal(db: Connection, secret: SigningSecret, sealed: str) -> int:
    """The secret is stored as sealed anew, unless it is no longer as given; returns 1 if it is."""
    result = db.execute(
        signing_secrets.update()
        .where(signing_secrets.c.key_id == secret.key_id, signing_secrets.c.sealed == secret.sealed)
        .values(sealed=sealed)
    )
    return result.rowcount


def lock_secrets(db: Connection, key_ids: Iterable[KeyId]) -> None:
    """These rows are locked in key order, so that two writers of several never deadlock.

    For writers that need no project's lock, such as notes of use.
    """
    db.execute(
        sa.select(signing_secrets.c.key_id)
        .where(signing_secrets.c.key_id.in_(sorted(key_ids)))
        .order_by(signing_secrets.c.key_id)
        .with_for_update(key_share=True)
    )


def note_verified(db: Connection, key_ids: Iterable[KeyId], now: datetime) -> None:
    """Each of these keys verified a token at or after this time."""
    _note(db, signing_secrets.c.last_verified_at, key_ids, now)


def note_refused(db: Connection, key_ids: Iterable[KeyId], now: datetime) -> None:
    """A token of each of these revoked keys was refused at or after this time."""
    _note(db, signing_secrets.c.last_refused_at, key_ids, now)


def _note(
    db: Connection, column: sa.Column[datetime], key_ids: Iterable[KeyId], now: datetime
) -> None:
    db.execute(
        signing_secrets.update()
        .where(
            signing_secrets.c.key_id.in_(sorted(key_ids)),
            sa.or_(column.is_(None), column < now),
        )
        .values({column: now})
    )


def _secret(row: sa.RowMapping) -> SigningSecret:
    values = dict(row)
    values["state"] = SecretState(values["state"])
    return SigningSecret(**values)
