"""Which characters signed text may hold."""

import re

_FAULTS = {
    "\x00": "a NUL character",
    "\ud800-\udfff": "half of a surrogate pair",
    "\u202a-\u202e\u2066-\u2069": "a character that overrides the direction of text",
}
_CONTROLS = "\x01-\x1f\x7f-\x9f\u2028\u2029"
_FORBIDDEN = re.compile("[" + "".join(_FAULTS) + "]")
_FORBIDDEN_IN_LINES = re.compile("[" + "".join(_FAULTS) + _CONTROLS + "]")


def find_fault(text: str) -> str | None:
    """What the text must not hold, in words, or None: NUL, surrogates, bidirectional overrides.

    PostgreSQL stores neither NUL nor surrogates; overrides and isolates make a name read as
    another one. Marks that only hint at direction (U+200E, U+200F, U+061C) are ordinary text.
    """
    return _name_fault(_FORBIDDEN.search(text))


def find_line_fault(text: str) -> str | None:
    """As `find_fault`, and also control characters and line breaks: for a single line of text."""
    return _name_fault(_FORBIDDEN_IN_LINES.search(text))


def _name_fault(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    for characters, name in _FAULTS.items():
        if re.match(f"[{characters}]", match.group()):
            return name
    return "a control character"
