"""Who may do what: roles, and the actor that the audit log names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from domain.errors import Invalid
from domain.ids import ProjectId

MEMBER: Final = "member"
API_KEY: Final = "api_key"


class Role(StrEnum):
    """Widest first. An owner's holds for the whole installation, the others' for one project."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the audit log names them: `cli:<os user>`, `member:<id>`, `api_key:<id>`."""

    name: str
    source: str | None = None

    @classmethod
    def member(cls, member_id: str, source: str | None = None) -> Self:
        """Somebody who has signed in."""
        return cls(f"{MEMBER}:{member_id}", source)

    @classmethod
    def api_key(cls, key_id: str, source: str | None = None) -> Self:
        """A program that has presented its key."""
        return cls(f"{API_KEY}:{key_id}", source)


WORKER: Final = Actor("worker")
"""What the system does by itself."""


def check_role(role: Role, project_id: ProjectId | None) -> None:
    """The role is one of a project's, or an owner's where there is none.

    Raises:
        Invalid: it is not.
    """
    if (role is Role.OWNER) != (project_id is None):
        message = "role: an owner is one of the whole installation, everybody else of a project"
        raise Invalid(message)
