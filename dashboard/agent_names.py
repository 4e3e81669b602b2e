"""Whom visitors see as the sender of an answer, where its author gave no name."""

from dashboard.authorisation import Caller
from services.answer_visitor import LONGEST_NAME

UNNAMED = "Support"


def name_for_visitors(caller: Caller) -> str:
    """An API key is called as it is; a member by their address, but never by the whole of it."""
    if caller.signed_in is None:
        return caller.name or UNNAMED
    return agents_name(caller.name)


def agents_name(email: str) -> str:
    """What stands before the @, as a name."""
    local = email.partition("@")[0].partition("+")[0]
    words = local.replace(".", " ").replace("_", " ").split()
    return " ".join(word.capitalize() for word in words)[:LONGEST_NAME] or UNNAMED
