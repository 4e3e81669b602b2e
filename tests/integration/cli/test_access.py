"""Members and API keys from the command line, on both databases."""

from services.api_keys import api_key_digest
from services.transactions import Transactor
from storage.sql.api_keys import find_api_key
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.conftest import Shop, on_sqlite

PASSWORD = "a quiet place to read"


def test_members_are_listed_and_removed(cli: CommandLine, database: Database, shop: Shop) -> None:
    """By their address, in whatever case; with the API keys that they made, if one wants."""
    ada = ("Shop", "ada@example.com", "--role", "operator", "--password-stdin", "--json")
    member = cli("member", "add", *ada, stdin=PASSWORD).document["member"]

    [listed] = cli("member", "list", "Shop", "--json").document["items"]
    removed = cli("member", "remove", "Shop", "Ada@Example.com", "--json").document["removed"]

    assert (listed["id"], listed["role"]) == (member["id"], "operator")
    assert listed["last_seen_at"] is None
    assert removed == {"id": member["id"], "email": "ada@example.com"}
    assert cli("member", "list", "Shop", "--json").document["items"] == []
    again = cli("member", "remove", "Shop", "ada@example.com", "--json")
    assert again.error == (1, "member_not_found")
    with database.reading() as db:
        entry = list_audit(db, shop.id, limit=1)[0]
    assert (entry.action, entry.actor.partition(":")[0]) == ("member.removed", "cli")


def test_the_last_owner_stays(cli: CommandLine) -> None:
    """Whoever is the only one cannot be removed; with another one they can."""
    owner = ("--role", "owner", "--password-stdin", "--json")
    assert cli("member", "add", "-", "one@example.com", *owner, stdin=PASSWORD).code == 0

    last = cli("member", "remove", "-", "one@example.com", "--json")
    assert last.error == (1, "last_owner")
    assert cli("member", "add", "-", "two@example.com", *owner, stdin=PASSWORD).code == 0
    assert cli("member", "remove", "-", "one@example.com").code == 0

    shown = cli("member", "list", "-").out
    assert "two@example.com" in shown
    assert "one@example.com" not in shown


def test_an_api_key_is_made_listed_and_revoked(
    cli: CommandLine, database: Database, shop: Shop
) -> None:
    """It is shown this once; revoked it is no key, and stays on the list."""
    made = cli("api_key", "add", "Shop", "Nightly report", "--role", "agent", "--json").document
    with database.reading() as db:
        found = find_api_key(db, api_key_digest(made["api_key"]))
    assert found is not None
    assert (found.project_id, found.role.value) == (shop.id, "agent")

    revoked = cli("api_key", "revoke", "Shop", made["key"]["id"], "--json").document["revoked"]

    assert revoked == {"id": made["key"]["id"]}
    with database.reading() as db:
        assert find_api_key(db, api_key_digest(made["api_key"])) is None
    listed = cli("api_key", "list", "Shop", "--json")
    [first, *_] = listed.document["items"]
    assert (first["id"], first["last_four"]) == (made["key"]["id"], made["api_key"][-4:])
    assert first["revoked_at"].endswith("Z")
    assert made["api_key"] not in listed.out
    elsewhere = cli("api_key", "revoke", "-", made["key"]["id"], "--json")
    assert elsewhere.error == (1, "api_key_not_found")


@on_sqlite
def test_api_keys_are_listed_page_by_page(cli: CommandLine, shop: Shop) -> None:
    """Newest first; the cursor of one page leads to the next, and who reads a table is told."""
    key = ("api_key", "add", "Shop", "Report", "--role", "agent", "--json")
    made = [cli(*key).document["key"]["id"] for _ in range(3)]

    first = cli("api_key", "list", "Shop", "--limit", "2", "--json").document
    rest = cli("api_key", "list", "Shop", "--cursor", first["next_cursor"], "--json").document
    told = cli("api_key", "list", "Shop", "--limit", "2").err

    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    assert rest["items"][0]["id"] == made[0]
    assert rest["next_cursor"] is None
    assert f"--cursor {first['next_cursor']}" in told


def test_an_owners_key_has_no_project(cli: CommandLine, transactor: Transactor) -> None:
    """It is made with - for PROJECT, and told apart from a project's keys."""
    made = cli("api_key", "add", "-", "All of it", "--role", "owner")

    assert made.code == 0
    assert "never again" in made.err
    assert "All of it" in cli("api_key", "list", "-").out
    text = made.out.split("api key: ")[1].strip()
    with transactor.database.reading() as db:
        found = find_api_key(db, api_key_digest(text))
    assert found is not None
    assert found.project_id is None
