"""Visitors' checkmarks, told from what SQL knows of their proofs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from domain.ids import KeyId, ProjectId
from domain.marks import Mark, Proof, mark_of
from domain.signing_secrets import SigningSecret
from storage.sql import projects, signing_secrets
from storage.sql.engine import now_of
from storage.sql.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Marks:
    """What the marks of a project's visitors are told from, as it was at one moment.

    Attributes:
        secrets: every generation.
        proofs_last: how long the project lets a proof stand.
        now: that moment, by the database's clock.
    """

    secrets: Mapping[KeyId, SigningSecret]
    proofs_last: timedelta
    now: datetime

    def of(self, visitor: Visitor) -> Mark:
        """The visitor's mark."""
        return mark_of(self._proof_of(visitor), self.now)

    def _proof_of(self, visitor: Visitor) -> Proof | None:
        """What the record says; what ends all of a person's sessions ends their proof."""
        if visitor.authenticated_at is None or visitor.authenticated_by is None:
            return None
        return Proof(
            at=visitor.authenticated_at,
            key_id=visitor.authenticated_by,
            key_revoked_at=self.secrets[visitor.authenticated_by].revoked_at,
            signed_out_at=visitor.epoch_raised_at,
            lasts=self.proofs_last,
            left_at=visitor.left_at,
        )


def read_marks(db: Connection, project_id: ProjectId) -> Marks:
    """What the marks of this project's visitors are told from, now.

    Raises:
        ProjectNotFound: there is no such project.
    """
    policy = projects.get_project(db, project_id).token_policy
    secrets = signing_secrets.list_secrets(db, project_id)
    return Marks(
        {secret.key_id: secret for secret in secrets},
        timedelta(seconds=policy.proof_seconds),
        now_of(db),
    )
