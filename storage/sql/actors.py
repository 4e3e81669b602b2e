"""What the actors of the audit log are called: members and API keys by their ids."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.roles import API_KEY, MEMBER, Actor
from storage.sql.tables import api_keys, members


@dataclass(frozen=True, slots=True)
class ActorName:
    """A member by e-mail address, or an API key by its name and its last four characters."""

    kind: str
    text: str
    last_four: str | None = None


def find_names(db: Connection, actors: Collection[str]) -> dict[str, ActorName]:
    """The names there are of these actors; at most two statements."""
    names: dict[str, ActorName] = {}
    if ids := _ids(actors, MEMBER):
        found = db.execute(
            sa.select(members.c.id, members.c.email).where(members.c.id.in_(ids))
        ).mappings()
        for row in found:
            names[Actor.member(row["id"]).name] = ActorName(MEMBER, row["email"])
    if ids := _ids(actors, API_KEY):
        key = api_keys.c
        found = db.execute(
            sa.select(key.id, key.name, key.last_four).where(key.id.in_(ids))
        ).mappings()
        for row in found:
            names[Actor.api_key(row["id"]).name] = ActorName(API_KEY, row["name"], row["last_four"])
    return names


def list_names(db: Connection, project_id: ProjectId) -> dict[str, ActorName]:
    """The project's members and its API keys, revoked ones too, by what the log calls them."""
    found = db.execute(sa.select(members.c.id).where(members.c.project_id == project_id)).scalars()
    named = [Actor.member(id_).name for id_ in found]
    found = db.execute(
        sa.select(api_keys.c.id).where(api_keys.c.project_id == project_id)
    ).scalars()
    return find_names(db, [*named, *(Actor.api_key(id_).name for id_ in found)])


def _ids(actors: Collection[str], kind: str) -> list[str]:
    return [id_ for its_kind, _, id_ in (a.partition(":") for a in actors) if its_kind == kind]
