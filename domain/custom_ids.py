"""Custom IDs: who a visitor is in the site's own system."""

import re
from unicodedata import is_normalized, normalize

from domain.errors import Invalid
from domain.plain_text import find_line_fault

MAX_CHARACTERS = 255
MAX_INTEGER = 2**53 - 1  # the last one that JavaScript tells from its neighbours

# What programs write where they have no user, told from names a person may really have ("admin",
# "test", "user"): everybody with such an ID would become one person and read one history.
JUNK = frozenset(
    {
        # no value, as JavaScript, Python, Ruby, Go, Objective-C and databases print it
        *("null", "undefined", "none", "nil", "nan", "(null)", "<null>", "<nil>", "%!s(<nil>)"),
        *("[object object]", "[object undefined]", "[object null]", "{}", "[]", '""', "''"),
        # a truth value, or the number that means "no row", "not found", "nobody"
        *("true", "false", "0", "-1", "00000000-0000-0000-0000-000000000000"),
        # a word for somebody who is not signed in
        *("guest", "anonymous", "anon", "unknown", "n/a", "not_authenticated", "unauthenticated"),
        # the name of the field instead of its content
        *("id", "_id", "user_id", "userid", "external_id", "custom_id", "distinct_id", "email"),
        # the original system's word for "a visitor from outside"
        "userexternal",
    }
)
# A template that was never filled in is the same text for everybody.
_UNFILLED_TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{.*\}|<%.*%>")
_REPLACEMENT_CHARACTER = "\ufffd"


class CustomIdInvalid(Invalid):
    """The custom ID cannot identify one person."""

    code = "custom_id_invalid"


def normalise_custom_id(value: str | int) -> str:
    """The ID in the one spelling under which it is stored and compared.

    Text is brought into NFC and otherwise left as it is: case counts, and white space at the ends
    counts, because taking it away would make two IDs of the site one. Only an ID of nothing but
    white space is refused. An integer counts as its decimal text.

    Refused as well: control characters and line breaks, bidirectional overrides, U+FFFD (the trace
    of a broken encoding, in which different IDs become the same), a template left unfilled, and
    the words of `JUNK` in any case.

    Raises:
        CustomIdInvalid: with a sentence that says why.
    """
    text = _decimal(value) if isinstance(value, int) else _composed(value)
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise CustomIdInvalid(f"The custom ID must have 1 to {MAX_CHARACTERS} characters.")
    if fault := find_line_fault(text):
        raise CustomIdInvalid(f"The custom ID holds {fault}. Sign the ID without it.")
    if _REPLACEMENT_CHARACTER in text:
        raise CustomIdInvalid("The custom ID holds U+FFFD. Sign it as UTF-8, never re-decoded.")
    _require_somebody(text.strip().lower())
    return text


def _decimal(number: int) -> str:
    if isinstance(number, bool):
        raise CustomIdInvalid("The custom ID is true or false. Sign the ID of the user.")
    if abs(number) > MAX_INTEGER:
        raise CustomIdInvalid("The custom ID is an integer of 2^53 or more. Sign it as text.")
    return str(number)


def _composed(text: str) -> str:
    return text if is_normalized("NFC", text) else normalize("NFC", text)


def _require_somebody(word: str) -> None:
    if not word:
        raise CustomIdInvalid("The custom ID is blank. Sign the ID of the user.")
    if word in JUNK:
        raise CustomIdInvalid(
            "The custom ID is a word for no user. Sign the ID of the signed-in user, and call"
            " sign-in only where there is one."
        )
    if _UNFILLED_TEMPLATE.fullmatch(word):
        raise CustomIdInvalid("The custom ID is a template that was not filled in.")
