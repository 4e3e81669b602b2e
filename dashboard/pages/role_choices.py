"""The roles of a project, as forms offer and explain them."""

from dataclasses import dataclass

from dashboard.authorisation import Caller
from domain.errors import Invalid
from domain.permissions import may_grant
from domain.roles import Role

_MEANINGS = {
    Role.ADMINISTRATOR: "Everything in this project: secrets, settings, people and API keys.",
    Role.OPERATOR: "Watches, dates and runs rotations; signs visitors out. Sees no secrets.",
    Role.AGENT: "Talks with visitors, and sees who they are. Nothing else.",
}


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that the caller may give, and what it means."""

    value: str
    label: str
    meaning: str


def role_choices(caller: Caller) -> list[RoleChoice]:
    """The roles of a project that are not wider than the caller's own; the narrowest first."""
    return [
        RoleChoice(role.value, role.value.capitalize(), meaning)
        for role, meaning in reversed(_MEANINGS.items())
        if may_grant(caller.role, role)
    ]


def read_role(text: str) -> Role:
    """The role of this name.

    Raises:
        Invalid: there is none.
    """
    try:
        return Role(text)
    except ValueError:
        message = "role: choose one of these"
        raise Invalid(message) from None


def fault_of(refusal: Exception | None, otherwise: str) -> dict[str, str]:
    """The field that a refusal is about, and what to say beside it.

    Args:
        refusal: such as `email: give an address`, or none.
        otherwise: the field that it is about if it names none.
    """
    if refusal is None:
        return {}
    field, colon, sentence = str(refusal).partition(": ")
    return {field: sentence} if colon and field.isidentifier() else {otherwise: str(refusal)}
