"""`widget-auth member …`."""

import click
from argon2 import PasswordHasher

from cli.connections import Connected, connected
from cli.named_projects import named_project_id, require_fitting
from cli.options import json_option, project_argument, role_option, stdin_option
from cli.printing import print_facts, print_json, print_table, say
from cli.secret_input import read_secret_text
from domain.emails import check_email
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.roles import Role
from domain.times import to_wire
from services.members import add_member, remove_member
from storage.sql.members import find_member
from storage.sql.memberships import MemberNotFound, MemberSeen, list_members

_PAGE = 200


@click.command()
@project_argument
@click.argument("email")
@role_option
@stdin_option("password", "password")
@json_option
def add(project_text: str, email: str, role: str, *, from_stdin: bool, as_json: bool) -> None:
    """Let somebody sign in with this e-mail address and a password."""
    require_fitting(project_text, Role(role))
    password = read_secret_text("password", from_stdin=from_stdin, confirm=True)
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        hasher = PasswordHasher()
        added = system.stores.transactor.run(
            lambda t: add_member(t, hasher, project_id, email, Role(role), password, system.actor),
            urgent=True,
        )
    if as_json:
        print_json({"member": {"id": added.id, "email": added.email, "role": added.role.value}})
    else:
        print_facts({"id": added.id, "email": added.email, "role": added.role.value})


@click.command("list")
@project_argument
@json_option
def list_all(project_text: str, *, as_json: bool) -> None:
    """List a project's members; with - for PROJECT the owners of the installation."""
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        found = _all_members(system, project_id)
    if as_json:
        print_json({"items": [_shape(each) for each in found], "next_cursor": None})
        return
    rows = [
        (each.member.id, each.member.email, each.member.role.value, each.seen_at) for each in found
    ]
    print_table(("ID", "EMAIL", "ROLE", "LAST SEEN"), rows)


@click.command()
@project_argument
@click.argument("email")
@click.option("--revoke-api-keys", is_flag=True, help="Revoke the API keys that they made, too.")
@json_option
def remove(project_text: str, email: str, *, revoke_api_keys: bool, as_json: bool) -> None:
    """Remove a member, who is signed out everywhere at once.

    Invitations that they sent are withdrawn. The last owner stays.
    """
    address = check_email(email)
    with connected() as system:
        project_id = named_project_id(system.stores.database, project_text)
        with system.stores.database.reading() as db:
            member = find_member(db, project_id, address)
        if member is None:
            raise MemberNotFound
        system.stores.transactor.run(
            lambda t: remove_member(
                t, project_id, member.id, system.actor, revoke_keys=revoke_api_keys
            ),
            urgent=True,
        )
    if as_json:
        print_json({"removed": {"id": member.id, "email": member.email}})
    else:
        say(f"{member.email} is not a member any more, and is signed out.")


def _all_members(system: Connected, project_id: ProjectId | None) -> list[MemberSeen]:
    found: list[MemberSeen] = []
    with system.stores.database.reading() as db:
        while page := list_members(
            db, project_id, limit=_PAGE, after=found[-1].member.id if found else ""
        ):
            found += page
    return found


def _shape(each: MemberSeen) -> JsonObject:
    return {
        "id": each.member.id,
        "email": each.member.email,
        "role": each.member.role.value,
        "created_at": to_wire(each.member.created_at),
        "last_seen_at": to_wire(each.seen_at) if each.seen_at else None,
    }
