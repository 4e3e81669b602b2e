"""Generating a project's secret, and regenerating it: every earlier one is revoked."""

import os
from dataclasses import dataclass

from domain.errors import Conflict
from domain.events import EventKind
from domain.ids import KeyId, ProjectId, RotationId
from domain.roles import Actor
from domain.rotations import Rotation, RotationState
from domain.sealing import NONCE_BYTES, SecretSealer
from domain.signing_secrets import (
    SECRET_RANDOM_BYTES,
    SecretState,
    SigningSecret,
    encode_secret,
)
from services.transactions import Transaction
from storage.sql import projects, rotations, signing_secrets


class ChangedMeanwhile(Conflict):
    """The active secret is no longer the one you saw; look again before you regenerate."""

    code = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Generated:
    """A new secret, in clear this one time; the rotation it caused, unless it is the first."""

    secret: str
    key_id: KeyId
    rotation: Rotation | None

    def __repr__(self) -> str:
        return f"Generated(key_id={self.key_id!r})"


def regenerate(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    actor: Actor,
    *,
    reason: str | None = None,
    expect_active_key_id: KeyId | None = None,
) -> Generated:
    """The project has a new active secret; every earlier one is revoked, its epoch raised.

    Secret, states, epoch, rotation, events and audit line are one commit (decision 0006). The
    first secret of a project revokes nothing and has no rotation.

    Raises:
        ProjectNotFound: there is no such project.
        ChangedMeanwhile: `expect_active_key_id` is given and another one is active.
    """
    projects.lock_project(transaction.db, project_id)
    earlier = signing_secrets.list_secrets(transaction.db, project_id)
    active = next((s for s in earlier if s.state is SecretState.ACTIVE), None)
    if expect_active_key_id and (active is None or active.key_id != expect_active_key_id):
        raise ChangedMeanwhile
    ended = [s for s in earlier if s.state is not SecretState.REVOKED]
    _end(transaction, project_id, ended)
    secret, stored = _make_secret(transaction, sealer, project_id, actor, earlier)
    projects.raise_epoch(transaction.db, project_id, stored.generation, transaction.now)
    rotation = _record(transaction, actor, reason, stored, active, ended) if ended else None
    _announce(transaction, stored, rotation, ended)
    transaction.audit(
        actor,
        "secret.regenerated" if ended else "secret.generated",
        project_id,
        {"key_id": stored.key_id, "revoked": [s.key_id for s in ended], "reason": reason},
    )
    return Generated(secret, stored.key_id, rotation)


def _end(transaction: Transaction, project_id: ProjectId, ended: list[SigningSecret]) -> None:
    signing_secrets.revoke_secrets(transaction.db, [s.key_id for s in ended], transaction.now)
    rotations.supersede_pending(transaction.db, project_id)


def _make_secret(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    actor: Actor,
    earlier: list[SigningSecret],
) -> tuple[str, SigningSecret]:
    secret = encode_secret(os.urandom(SECRET_RANDOM_BYTES))
    key_id = KeyId(transaction.new_id())
    stored = SigningSecret(
        key_id=key_id,
        project_id=project_id,
        generation=max((s.generation for s in earlier), default=0) + 1,
        state=SecretState.ACTIVE,
        sealed=sealer.seal(secret.encode("ascii"), project_id, key_id, os.urandom(NONCE_BYTES)),
        last_four=secret[-4:],
        created_at=transaction.now,
        created_by=actor.name,
    )
    signing_secrets.insert_secret(transaction.db, stored)
    return secret, stored


def _record(
    transaction: Transaction,
    actor: Actor,
    reason: str | None,
    new: SigningSecret,
    active: SigningSecret | None,
    ended: list[SigningSecret],
) -> Rotation:
    rotation = Rotation(
        id=RotationId(transaction.new_id()),
        project_id=new.project_id,
        old_key_id=(active or ended[0]).key_id,
        new_key_id=new.key_id,
        how="now",
        state=RotationState.CUTTING,
        requested_at=transaction.now,
        requested_by=actor.name,
        reason=reason,
        due_at=transaction.now,
        effective_at=transaction.now,
    )
    rotations.insert_rotation(transaction.db, rotation)
    return rotation


def _announce(
    transaction: Transaction,
    new: SigningSecret,
    rotation: Rotation | None,
    ended: list[SigningSecret],
) -> None:
    rotation_id = rotation.id if rotation else None
    transaction.announce(
        EventKind.SECRET_ROTATED,
        new.project_id,
        {"key_id": new.key_id, "rotation_id": rotation_id},
    )
    if rotation:
        transaction.announce(
            EventKind.SECRET_REVOKED,
            new.project_id,
            {
                "rotation_id": rotation.id,
                "key_ids": [s.key_id for s in ended],
                "epoch": new.generation,
            },
        )
