"""A project's settings as they are told and compared: whether they are those that somebody saw."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256

from domain.errors import Conflict
from domain.json_values import JsonObject
from domain.projects import Project

_VERSION_LENGTH = 32


class SettingsChanged(Conflict):
    """These settings are no longer those that you saw; look again before you change them."""

    code = "changed_meanwhile"


def settings_of(project: Project) -> JsonObject:
    """Every member that `change` takes, as it is."""
    return {
        "name": project.name,
        "time_zone": project.time_zone,
        "operating_hours": project.operating_hours,
        "token_policy": project.token_policy.to_json(),
        "allowed_origins": [*project.allowed_origins],
        "limits": asdict(project.limits),
    }


def version_of(project: Project, members: Iterable[str]) -> str:
    """Text that is the same as long as these settings are, whatever else is changed."""
    settings = settings_of(project)
    told = json.dumps({member: settings[member] for member in members}, sort_keys=True)
    return sha256(told.encode()).hexdigest()[:_VERSION_LENGTH]


def name_changes(before: Project, after: Project, members: Iterable[str]) -> list[str]:
    """The members by name; where one has members of its own that differ, those instead.

    Such as `token_policy.require_exp`: which part of a policy was changed is what one looks for.
    """
    earlier, later = settings_of(before), settings_of(after)
    return [
        name
        for member in sorted(members)
        for name in _differing(member, earlier[member], later[member]) or [member]
    ]


def _differing(member: str, before: object, after: object) -> list[str]:
    if member not in _NAMED_INSIDE or not (isinstance(before, dict) and isinstance(after, dict)):
        return []
    return [f"{member}.{name}" for name in sorted(after) if after[name] != before[name]]


_NAMED_INSIDE = frozenset({"token_policy", "limits"})
