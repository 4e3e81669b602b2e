"""`widget-auth member …`."""

import click
from argon2 import PasswordHasher

from cli.connections import connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument, stdin_option
from cli.printing import print_facts, print_json
from cli.secret_input import read_secret_text
from domain.ids import ProjectId
from domain.roles import Role
from services.access import add_member
from storage.sql.engine import Database

NO_PROJECT = "-"


@click.command()
@project_argument
@click.argument("email")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="An owner is one of the whole installation: give - for PROJECT.",
)
@stdin_option("password", "password")
@json_option
def add(project_text: str, email: str, role: str, *, from_stdin: bool, as_json: bool) -> None:
    """Let somebody sign in with this e-mail address and a password."""
    _require_fitting(project_text, Role(role))
    password = read_secret_text("password", from_stdin=from_stdin, confirm=True)
    with connected() as system:
        project_id = _project_id(system.stores.database, project_text)
        hasher = PasswordHasher()
        added = system.stores.transactor.run(
            lambda t: add_member(t, hasher, project_id, email, Role(role), password, system.actor),
            urgent=True,
        )
    if as_json:
        print_json({"member": {"id": added.id, "email": added.email, "role": added.role.value}})
    else:
        print_facts({"id": added.id, "email": added.email, "role": added.role.value})


def _require_fitting(project_text: str, role: Role) -> None:
    if (role is Role.OWNER) != (project_text == NO_PROJECT):
        message = "An owner is one of the whole installation: give - for PROJECT with --role owner."
        raise WrongUse("role_without_project", message)


def _project_id(database: Database, project_text: str) -> ProjectId | None:
    if project_text == NO_PROJECT:
        return None
    with database.reading() as db:
        return get_named_project(db, project_text).id
