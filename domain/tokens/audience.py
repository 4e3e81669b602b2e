"""Whom a token is meant for."""

import re

from domain.ids import ProjectId, is_uuid
from domain.json_values import JsonObject
from domain.refusals import RefusalCode, TokenRefused

# Any host, for the key is the project's own; the path as it stands, not decoded, not trimmed.
_PROJECT_URL = re.compile(r"(?i:https?)://[^/?#\\\s]+/projects/([^/?#\\\s]+)(?:[?#]\S*)?")


def read_audience(payload: JsonObject) -> tuple[str, ...] | None:
    """The entries of `aud`, a single text being a list of one; None where there is no `aud`.

    Raises:
        TokenRefused: claim_invalid; it is neither text nor a list of texts.
    """
    if "aud" not in payload:
        return None
    audience = payload["aud"]
    entries = audience if isinstance(audience, list) else [audience]
    texts = tuple(entry for entry in entries if isinstance(entry, str))
    if len(texts) != len(entries):
        raise TokenRefused(
            RefusalCode.CLAIM_INVALID,
            "The claim aud must be text or a list of texts. Leave it out if you do not need it.",
        )
    return texts


def require_audience(audience: tuple[str, ...] | None, project_id: ProjectId) -> None:
    """The token is meant for this project, or says nothing of it.

    An entry fits that is the project's ID, or a URL whose path is exactly `/projects/<id>`.

    Raises:
        TokenRefused: audience_mismatch.
    """
    if audience is not None and not any(_is_project(entry, project_id) for entry in audience):
        raise TokenRefused(RefusalCode.AUDIENCE_MISMATCH)


def read_project(payload: JsonObject) -> ProjectId:
    """The one project that the token says it is meant for. Anybody can have written it.

    Raises:
        TokenRefused: claim_missing, claim_invalid, or audience_mismatch: no project is named, or
            more than one.
    """
    entries = read_audience(payload)
    if entries is None:
        raise TokenRefused(
            RefusalCode.CLAIM_MISSING,
            "The token does not name its project. Set aud to a URL whose path is /projects/ and"
            " the project's ID.",
        )
    named = {_named_project(entry) for entry in entries} - {None}
    if len(named) != 1:
        raise TokenRefused(RefusalCode.AUDIENCE_MISMATCH)
    return ProjectId(str(named.pop()))


def _named_project(entry: str) -> str | None:
    match = _PROJECT_URL.fullmatch(entry)
    named = match[1] if match is not None else entry
    return named if is_uuid(named) else None


def _is_project(entry: str, project_id: ProjectId) -> bool:
    match = _PROJECT_URL.fullmatch(entry)
    return entry == project_id or (match is not None and match[1] == project_id)
