"""E-mail addresses of members, as far as they can be checked without writing to them."""

from domain.errors import Invalid

LONGEST = 320


def check_email(email: str) -> str:
    """The address in lower case, known to look like one.

    Raises:
        Invalid: it does not.
    """
    address = email.strip().lower()
    local, at, host = address.rpartition("@")
    if not (local and at and host) or len(address) > LONGEST:
        raise _invalid()
    if not address.isprintable() or any(character.isspace() for character in address):
        raise _invalid()
    return address


def _invalid() -> Invalid:
    return Invalid("email: give an address like ada@example.com")
