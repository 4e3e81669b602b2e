"""`widget-auth secret list`."""

import click

from cli.connections import connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_json, print_table
from cli.shapes import secret_shape
from services.read_secrets import read_secrets

_MOST = 10_000


@click.command("list")
@project_argument
@json_option
def list_all(project_text: str, *, as_json: bool) -> None:
    """List a project's secrets, newest first; never the secret itself."""
    with connected() as system, system.stores.database.reading() as db:
        found = read_secrets(db, get_named_project(db, project_text).id, limit=_MOST)
    if as_json:
        print_json({"items": [secret_shape(one) for one in found], "next_cursor": None})
        return
    rows = [
        (s.key_id, s.state.value, f"…{s.last_four}", s.created_at, s.revoked_at, s.last_verified_at)
        for s in (one.stored for one in found)
    ]
    print_table(("KEY ID", "STATE", "ENDS IN", "CREATED", "REVOKED", "LAST VERIFIED"), rows)
