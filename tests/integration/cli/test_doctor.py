"""`doctor`, `metrics`, `outbox` and `project settle`, of a system of which only the stores run."""

import re

import pytest

from domain.ids import EventId
from services.alarms import WATCHED_QUEUES
from services.poison_notes import PoisonNotes
from services.transactions import Transactor
from storage.redis import publications
from storage.redis.client import connect
from storage.sql import outbox, parking, projects
from storage.sql.engine import Database
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.conftest import Shop, on_sqlite
from tests.integration.scenes import announce_hopeless

QUEUES = {f"queue_{queue}" for queue in WATCHED_QUEUES}
NOT_HERE = {*QUEUES, "gateway_nodes", "database_durability"}


def found_by(cli: CommandLine) -> tuple[int, dict[str, dict[str, object]]]:
    """The exit code, and each check by its name."""
    done = cli("doctor", "--json")
    checks = {check["name"]: check for check in done.document["checks"]}
    assert done.document["ok"] is (done.code == 0)
    return done.code, checks


def test_a_system_that_does_not_run_is_not_well(cli: CommandLine, shop: Shop) -> None:
    """Nobody works and nobody is there to connect to; all else is as it should be."""
    code, checks = found_by(cli)

    assert code == 1
    failed = {name for name, check in checks.items() if not check["ok"]}
    assert {*QUEUES, "gateway_nodes"} <= failed <= NOT_HERE
    assert all(check["message"] for check in checks.values())
    assert shop.id not in str(checks)


@on_sqlite
def test_a_database_of_another_version_is_named(cli: CommandLine, database: Database) -> None:
    """The one thing to do first, and what needs no table."""
    database.write(lambda db: db.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'"))
    code, checks = found_by(cli)
    assert code == 1
    assert set(checks) == {"migrations", "redis_settings", "broker"}
    assert "widget-auth migrate" in str(checks["migrations"]["message"])


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL"])
def test_a_store_that_is_away_is_unavailable(sqlite_cli: CommandLine, name: str) -> None:
    """Scripts tell it from something that is wrong."""
    away = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    done = sqlite_cli("doctor", "--json", settings={name: away[name]})
    assert done.error == (3, "unavailable")


def test_a_broker_that_is_away_is_a_fault(sqlite_cli: CommandLine) -> None:
    """The stores can be asked all the same."""
    done = sqlite_cli("doctor", "--json", settings={"BROKER_URL": "redis://127.0.0.1:1/0"})
    [broker] = [check for check in done.document["checks"] if check["name"] == "broker"]
    assert (done.code, broker["ok"]) == (1, False)


def test_the_doctor_talks_to_people(sqlite_cli: CommandLine) -> None:
    """A table, and one sentence that names what is wrong."""
    done = sqlite_cli("doctor")
    assert done.code == 1
    assert "Something is wrong: queue_verification," in done.err
    assert re.search(r"^migrations\tfine\t", done.out, re.MULTILINE)


def test_what_is_parked_is_listed_and_taken_up(
    cli: CommandLine, shop: Shop, transactor: Transactor
) -> None:
    """Events by project or all, with why; messages without what they held."""
    announce_hopeless(transactor, shop.id)
    waiting = cli("outbox", "list", "Shop", "--json").document
    [event_id] = [item["id"] for item in waiting["items"]]
    assert waiting["messages"] == []
    assert cli("outbox", "list", "Shop", "--parked", "--json").document["items"] == []
    transactor.run(lambda t: parking.park_event(t.db, EventId(event_id), "KeyError", t.now))
    PoisonNotes(transactor).note("unknown", "task_unknown")

    parked = cli("outbox", "list", "--parked", "--json").document

    assert [(e["id"], e["parked_because"]) for e in parked["items"]] == [(event_id, "KeyError")]
    [message] = parked["messages"]
    assert (message["task"], message["because"]) == ("unknown", "task_unknown")
    assert event_id in cli("outbox", "list", "--parked").out
    _, checks = found_by(cli)
    assert event_id in str(checks["parked_events"]["message"])
    assert not checks["parked_messages"]["ok"]

    assert cli("outbox", "replay", event_id, "--json").document["event"]["id"] == event_id
    assert cli("outbox", "dismiss", message["id"], "--json").document == {"dismissed": 1}
    with transactor.database.reading() as db:
        event = outbox.find_event(db, EventId(event_id))
        assert event
        assert event.parked_at is None
        assert parking.list_parked_messages(db, 10) == []


def test_nothing_that_waits_is_left_out(
    cli: CommandLine, shop: Shop, transactor: Transactor
) -> None:
    """Events page by page, oldest first; every parked message beside the first page."""
    for _ in range(3):
        announce_hopeless(transactor, shop.id)
        PoisonNotes(transactor).note("unknown", "task_unknown")
    listed = cli("outbox", "list", "--json").document
    event_ids = [item["id"] for item in listed["items"]]
    assert (len(event_ids), event_ids, listed["next_cursor"]) == (3, sorted(event_ids), None)
    for event_id in event_ids:
        transactor.run(lambda t, e=event_id: parking.park_event(t.db, EventId(e), "Bug", t.now))
    parked = ("outbox", "list", "--parked")

    first = cli(*parked, "--limit", "2", "--json").document
    rest = cli(*parked, "--cursor", first["next_cursor"], "--json").document
    told = cli(*parked, "--limit", "2").err

    assert [item["id"] for item in first["items"]] == event_ids[:2]
    assert len(first["messages"]) == 3
    assert [item["id"] for item in rest["items"]] == event_ids[2:]
    assert (rest["next_cursor"], rest["messages"]) == (None, [])
    assert f"--cursor {event_ids[1]}" in told


def test_what_is_not_there_cannot_be_replayed_or_dismissed(sqlite_cli: CommandLine) -> None:
    """Refused, and nothing is dismissed by mistake."""
    assert sqlite_cli("outbox", "replay", "nothing", "--json").error == (1, "event_not_found")
    assert sqlite_cli("outbox", "dismiss", "nothing", "--json").error == (1, "message_not_found")
    assert sqlite_cli("outbox", "dismiss", "--json").error == (2, "message_missing")


@on_sqlite
def test_a_halted_project_is_settled(cli: CommandLine, shop: Shop, transactor: Transactor) -> None:
    """Asked first; then there is a new secret, which a token of the old one does not sign with."""
    redis = connect(cli.environment["REDIS_URL"])
    seed = publications.begin_publication(redis, shop.id, "nonce")
    with transactor.database.reading() as db:
        publications.publish(redis, projects.get_project(db, shop.id).card(), seed)
    publications.raise_epoch(redis, shop.id, 3)
    redis.close()
    assert cli("project", "settle", "Shop", "--json", "--yes").error == (1, "not_halted")
    transactor.run(lambda t: projects.halt_project(t.db, shop.id, 3, t.now), urgent=True)
    assert cli("project", "show", "Shop", "--json").document["project"]["halted_at"]
    assert "project settle" in cli("project", "show", "Shop").err
    assert cli("project", "settle", "Shop", "--json").error == (2, "not_confirmed")
    assert cli("project", "settle", "Shop").code == 2, "nobody is there to ask"

    settled = cli("project", "settle", "Shop", "--yes", "--json").document

    assert settled["epoch"] == 4
    assert settled["rotation"]["state"] == "cutting"
    assert len(settled["secret"]) == 64
    [active, revoked] = cli("secret", "list", "Shop", "--json").document["items"]
    assert (active["key_id"], active["state"]) == (settled["key_id"], "active")
    assert revoked["state"] == "revoked"


@on_sqlite
def test_figures_are_printed(cli: CommandLine) -> None:
    """As text for a collector, or one by one."""
    assert "widget_auth_system_outbox_undone 0.0" in cli("metrics").out
    figures = cli("metrics", "--json").document["figures"]
    kinds = [f["labels"]["kind"] for f in figures if f["name"] == "widget_auth_system_alarms"]
    assert "project_halted" in kinds
