"""Who may do what: roles, and the actor that the audit log names."""

from dataclasses import dataclass
from enum import StrEnum


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
