"""Projects and members from the command line, on both databases."""

import sqlalchemy as sa
from argon2 import PasswordHasher

from domain.roles import Role
from domain.times import to_wire
from services.api_keys import api_key_digest
from storage.sql.api_keys import find_api_key
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from storage.sql.members import find_member
from storage.sql.tables import projects
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.conftest import Shop, dump, on_sqlite

PASSWORD = "correct horse battery"


def test_project_comes_with_an_administrators_key(cli: CommandLine, database: Database) -> None:
    """The key is shown once, opens that project alone, and the audit log names who made it."""
    made = cli("project", "create", "Café", "--time-zone", "Europe/Rome", "--json").document

    assert set(made) == {"project", "api_key"}
    project = made["project"]
    assert (project["name"], project["time_zone"]) == ("Café", "Europe/Rome")
    with database.reading() as db:
        key = find_api_key(db, api_key_digest(made["api_key"]))
        assert key is not None
        assert (key.project_id, key.role) == (project["id"], Role.ADMINISTRATOR)
        assert to_wire(key.created_at) == project["created_at"]  # one transaction has one time
        lines = list_audit(db, project["id"], limit=10)
    assert [line.action for line in lines] == ["api_key.issued", "project.created"]
    assert all(line.actor.startswith("cli:") for line in lines)


def test_projects_are_found_by_id_and_by_name(cli: CommandLine) -> None:
    """The list has them all; each is shown with its settings."""
    made = cli("project", "create", "Shop", "--json").document["project"]

    listed = cli("project", "list", "--json").document

    assert listed == {"items": [made], "next_cursor": None}
    assert {"id", "name", "time_zone", "token_policy", "allowed_origins", "limits"} <= set(made)
    assert cli("project", "show", "Shop", "--json").document == {"project": made}
    assert cli("project", "show", made["id"], "--json").document == {"project": made}


def test_list_goes_on_behind_the_first_page(cli: CommandLine, database: Database) -> None:
    """More projects than are read at once are all listed."""
    cli("project", "create", "Shop", "--json")
    with database.reading() as db:
        shop = dict(db.execute(sa.select(projects)).mappings().one())
    copies = [{**shop, "id": f"copy-{number:03}"} for number in range(200)]
    database.write(lambda db: db.execute(projects.insert(), copies))

    listed = cli("project", "list", "--json").document["items"]

    assert len({project["id"] for project in listed}) == 201


@on_sqlite
def test_ambiguous_name_is_answered_with_the_ids(cli: CommandLine) -> None:
    """Nothing is guessed: whoever asked chooses among the ids."""
    ids = [cli("project", "create", "Twin", "--json").document["project"]["id"] for _ in "12"]

    shown = cli("project", "show", "Twin", "--json")

    assert shown.error == (2, "project_ambiguous")
    assert all(project_id in shown.document["error"]["message"] for project_id in ids)
    assert all(project_id in cli("project", "show", "Twin").err for project_id in ids)


def test_member_signs_in_with_the_password_given(
    cli: CommandLine, database: Database, shop: Shop
) -> None:
    """The password comes by standard input and is kept as a hash only."""
    arguments = ("Shop", "Ada@Example.com", "--role", "administrator", "--password-stdin")
    added = cli("member", "add", *arguments, "--json", stdin=f"{PASSWORD}\n").document["member"]

    assert set(added) == {"id", "email", "role"}
    assert (added["email"], added["role"]) == ("ada@example.com", "administrator")
    with database.reading() as db:
        member = find_member(db, shop.id, "ada@example.com")
    assert member is not None
    assert PasswordHasher().verify(member.password_hash, PASSWORD)
    assert PASSWORD not in dump(database)
    twice = cli("member", "add", *arguments, "--json", stdin=PASSWORD)
    assert twice.error == (1, "member_exists")


@on_sqlite
def test_owner_belongs_to_no_project(cli: CommandLine, database: Database, shop: Shop) -> None:
    """An owner is made with - for PROJECT, and only an owner is."""
    owner = ("boss@example.com", "--role", "owner", "--password-stdin", "--json")

    assert cli("member", "add", "Shop", *owner, stdin=PASSWORD).error[0] == 2
    agent = ("a@example.com", "--role", "agent", "--password-stdin", "--json")
    assert cli("member", "add", "-", *agent, stdin=PASSWORD).error[0] == 2
    assert cli("member", "add", "-", *owner, stdin=PASSWORD).code == 0
    with database.reading() as db:
        assert find_member(db, None, "boss@example.com") is not None
