"""`widget-auth project …`."""

import click

from cli.connections import Connected, connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json, print_table, say
from cli.shapes import project_shape
from domain.projects import Project
from services.projects import create_project_with_key
from storage.sql.projects import list_projects

_PAGE = 200


@click.command()
@click.argument("name")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name: Europe/Rome.")
@json_option
def create(name: str, time_zone: str, *, as_json: bool) -> None:
    """Create a project, and an administrator's API key of it, shown this once."""
    with connected() as system:
        made, key = create_project_with_key(system.stores, name, time_zone, system.actor)
    if as_json:
        print_json({"project": project_shape(made), "api_key": key.text})
        return
    print_facts({"id": made.id, "name": made.name, "time zone": made.time_zone})
    print_facts({"api key": key.text})
    say("The administrator's API key is shown now and never again: store it.")


@click.command("list")
@json_option
def list_all(*, as_json: bool) -> None:
    """List every project."""
    with connected() as system:
        found = _all_projects(system)
    if as_json:
        print_json({"items": [project_shape(one) for one in found], "next_cursor": None})
    else:
        rows = [(one.id, one.name, one.time_zone, one.created_at) for one in found]
        print_table(("ID", "NAME", "TIME ZONE", "CREATED"), rows)


@click.command()
@project_argument
@json_option
def show(project_text: str, *, as_json: bool) -> None:
    """Show a project with its settings."""
    with connected() as system, system.stores.database.reading() as db:
        found = get_named_project(db, project_text)
    if as_json:
        print_json({"project": project_shape(found)})
        return
    print_facts({"id": found.id, "name": found.name, "time zone": found.time_zone})
    print_facts({"allowed origins": ", ".join(found.allowed_origins) or "every origin"})
    policy = found.token_policy
    print_facts({f"policy {name}": getattr(policy, name) for name in policy.__slots__})
    limits = found.limits
    print_facts({f"limit {name}": getattr(limits, name) for name in limits.__slots__})
    print_facts({"created": found.created_at})
    if found.is_halted:
        print_facts({"halted": found.halted_at})
        say("Nobody can sign in until the project is settled: `widget-auth project settle`.")


def _all_projects(system: Connected) -> list[Project]:
    found: list[Project] = []
    with system.stores.database.reading() as db:
        while page := list_projects(db, limit=_PAGE, after=found[-1].id if found else ""):
            found += page
    return found
