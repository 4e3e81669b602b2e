"""`widget-auth api_key …`."""

import click

from cli.connections import connected
from cli.named_projects import named_project_id, require_fitting
from cli.options import (
    cursor_option,
    json_option,
    limit_option,
    project_argument,
    role_option,
)
from cli.paging import cut, say_more
from cli.printing import print_facts, print_json, print_table, say
from domain.ids import is_uuid
from domain.json_values import JsonObject
from domain.roles import Role
from domain.times import to_wire
from services.api_keys import create_api_key, revoke_api_key
from storage.sql.api_keys import ApiKey, ApiKeyNotFound, list_api_keys


@click.command()
@project_argument
@click.argument("name")
@role_option
@json_option
def add(project_text: str, name: str, role: str, *, as_json: bool) -> None:
    """Make an API key for a program, shown this once.

    NAME says what the program is. An owner's key is made with - for PROJECT.
    """
    require_fitting(project_text, Role(role))
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        made = system.stores.transactor.run(
            lambda t: create_api_key(t, project_id, name, Role(role), system.actor), urgent=True
        )
    if as_json:
        print_json({"api_key": made.text, "key": _shape(made.stored)})
        return
    print_facts({"id": made.stored.id, "name": made.stored.name, "role": role})
    print_facts({"api key": made.text})
    say("The API key is shown now and never again: store it.")


@click.command("list")
@project_argument
@limit_option
@cursor_option
@json_option
def list_newest(project_text: str, limit: int, cursor: str | None, *, as_json: bool) -> None:
    """List the API keys of a project, newest first, or with - for PROJECT those of owners."""
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        with system.stores.database.reading() as db:
            found = list_api_keys(db, project_id, limit=limit + 1, before=cursor)
    page, next_cursor = cut(found, limit, lambda key: key.id)
    if as_json:
        print_json({"items": [_shape(key) for key in page], "next_cursor": next_cursor})
        return
    rows = [
        (key.id, key.name, key.role.value, key.last_four, key.created_at, key.revoked_at)
        for key in page
    ]
    print_table(("ID", "NAME", "ROLE", "LAST FOUR", "CREATED", "REVOKED"), rows)
    say_more(next_cursor)


@click.command()
@project_argument
@click.argument("key_id", metavar="ID")
@json_option
def revoke(project_text: str, key_id: str, *, as_json: bool) -> None:
    """Revoke an API key: programs that use it are refused at once.

    ID is what `api_key list` shows.
    """
    if not is_uuid(key_id):
        raise ApiKeyNotFound
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        system.stores.transactor.run(
            lambda t: revoke_api_key(t, project_id, key_id, system.actor), urgent=True
        )
    if as_json:
        print_json({"revoked": {"id": key_id}})
    else:
        say("The API key is revoked: it opens nothing any more.")


def _shape(key: ApiKey) -> JsonObject:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "last_four": key.last_four,
        "created_at": to_wire(key.created_at),
        "created_by": key.created_by,
        "revoked_at": to_wire(key.revoked_at) if key.revoked_at else None,
    }
