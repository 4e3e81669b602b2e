"""Planned rotations, waiting secrets and operating hours from the command line."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.rotation_dates import AtTime, OffHours
from domain.sealing import SecretSealer
from domain.times import from_wire, to_wire
from services.transactions import Transactor
from storage.sql.engine import Database
from storage.sql.signing_secrets import list_secrets
from tests.integration.cli.commands import DEADLINE_SECONDS, CommandLine, key
from tests.integration.cli.conftest import Shop, on_sqlite
from tests.integration.cli.live_sessions import add_sessions
from tests.integration.cli.terminals import Terminal
from tests.integration.scenes import ADMINISTRATOR, SEALER
from tests.integration.waiting_secrets import schedule_rotation
from tests.waiting import wait_until

ROTATE = ("secret", "rotate", "Shop", "--yes", "--json")


def later(**distance: float) -> str:
    """A time from now, as it is given."""
    return to_wire(datetime.now(UTC) + timedelta(**distance))


def planned(cli: CommandLine, due_at: str, *options: str) -> dict[str, Any]:
    """The answer to a plan."""
    return cli(*ROTATE, "--retire-previous", due_at, *options).document


def states(cli: CommandLine) -> list[str]:
    """The secrets, newest first."""
    items = cli("secret", "list", "Shop", "--json").document["items"]
    return [item["state"] for item in items]


def use(cli: CommandLine, made: dict[str, Any], database: Database) -> None:
    """The new secret has verified a token."""
    from storage.sql.signing_secrets import note_verified  # noqa: PLC0415

    database.write(lambda db: note_verified(db, [made["key_id"]], datetime.now(UTC)))


def test_plan_run_and_over(cli: CommandLine, shop: Shop, database: Database) -> None:
    """Both verify until the cut; the guard asks for use or force; then nothing is left to run."""
    due_at = later(hours=8)
    made = planned(cli, due_at, "--reason", "spring")
    rotation_id = made["rotation"]["id"]

    assert (made["rotation"]["state"], made["rotation"]["due_at"]) == ("overlapping", due_at)
    assert states(cli) == ["active", "retiring"]
    run = ("rotation", "run", "Shop", rotation_id, "--json")
    assert cli(*run).error == (2, "not_confirmed")
    assert cli(*run, "--yes").error == (1, "new_secret_unused")
    use(cli, made, database)
    assert cli(*run, "--yes").document["state"] == "cutting"

    assert states(cli) == ["active", "revoked"]
    assert cli(*run, "--yes", "--force").error == (1, "rotation_over")
    assert cli("rotation", "cancel", "Shop", rotation_id, "--json").error == (1, "rotation_over")


def test_second_plan_needs_force(cli: CommandLine, shop: Shop) -> None:
    """A lost answer is repaired by another; the old secret keeps retiring."""
    lost = planned(cli, later(hours=8))
    again = ("--retire-previous", later(hours=9))

    assert cli(*ROTATE, *again).error == (1, "rotation_pending")
    found = cli(*ROTATE, *again, "--force").document

    assert found["key_id"] != lost["key_id"]
    assert states(cli) == ["active", "revoked", "retiring"]
    shown = cli("rotation", "show", "Shop", lost["rotation"]["id"], "--json").document
    assert shown["state"] == "superseded"


def test_cancel_and_reschedule(cli: CommandLine, shop: Shop) -> None:
    """Without a date both stay valid; with another date it is under way again."""
    rotation_id = planned(cli, later(hours=8))["rotation"]["id"]
    place = ("Shop", rotation_id, "--json")

    cancelled = cli("rotation", "cancel", *place).document
    assert (cancelled["state"], cancelled["due_at"]) == ("cancelled", None)
    due_at = later(days=3)
    dated = cli("rotation", "reschedule", *place, "--retire-previous", due_at, "--pinned").document

    assert (dated["state"], dated["due_at"], dated["pinned"]) == ("overlapping", due_at, True)
    for refused in ("now", "soon"):
        again = cli("rotation", "reschedule", *place, "--retire-previous", refused)
        assert again.error == (2, "time_invalid")
    nothing = cli("rotation", "cancel", "Shop", "nothing", "--json")
    assert nothing.error == (1, "rotation_not_found")


@on_sqlite
def test_hours_are_set_shown_and_previewed(cli: CommandLine, shop: Shop) -> None:
    """In the project's zone; a pending rotation for off-hours follows them."""
    assert cli("hours", "show", "Shop", "--json").document == {
        "time_zone": "UTC",
        "operating_hours": None,
    }
    assert cli("hours", "preview", "Shop", "--json").document == {"items": []}
    week = ("--open", "mon-sat=00:00-00:00", "--open", "sun=06:00-12:30,13:30-00:00")
    cli("hours", "set", "Shop", *week, "--time-zone", "Asia/Kolkata", "--json")

    assert "sun: 06:00-12:30, 13:30-00:00" in cli("hours", "show", "Shop").out
    night, noon = cli("hours", "preview", "Shop", "--count", "2", "--json").document["items"]
    by_start = {one["local_start"][11:]: one for one in (night, noon)}
    assert set(by_start) == {"00:00:00+05:30", "12:30:00+05:30"}
    rotation = cli(*ROTATE, "--retire-previous", "off_hours", "--stretch-minutes", "120").document[
        "rotation"
    ]
    assert rotation["due_at"] == by_start["00:00:00+05:30"]["starts_at"]

    same = cli("hours", "set", "Shop", "--time-zone", "Asia/Kolkata", "--json")
    said = cli("hours", "set", "Shop", "--open", "mon-sun=01:00-00:00", "--json").err
    assert same.err == ""
    assert f"The pending rotation {rotation['id']} is due at no date now." in said
    moved = cli("rotation", "show", "Shop", rotation["id"], "--json").document
    assert moved["due_at"] is None or from_wire(moved["due_at"]) > datetime.now(UTC)
    assert moved["moved_because"] == "never_offline"  # no stretch of two hours is left


def test_days_named_twice_have_all_their_hours(sqlite_cli: CommandLine) -> None:
    """In whatever order; what overlaps, or says that a day is open and offline, is refused."""
    sqlite_cli("project", "create", "Shop")
    set_hours = ("hours", "set", "Shop", "--json")
    halves = ("--open", "mon-fri=13:30-18:00", "--open", "mon-tue=09:00-12:30")

    weekly = sqlite_cli(*set_hours, *halves).document["operating_hours"]["weekly"]

    assert weekly["mon"] == weekly["tue"] == [["09:00", "12:30"], ["13:30", "18:00"]]
    assert weekly["wed"] == weekly["fri"] == [["13:30", "18:00"]]
    for second, code in (("fri=09:00-14:00", "invalid"), ("fri=", "hours_invalid")):
        assert sqlite_cli(*set_hours, *halves, "--open", second).error == (2, code)
    after = sqlite_cli("hours", "show", "Shop", "--json").document["operating_hours"]
    assert after["weekly"] == weekly


@on_sqlite
def test_hours_are_read_as_json(cli: CommandLine, shop: Shop) -> None:
    """From a file or standard input, and back to never offline; anything else is wrong use."""
    hours = {"weekly": {"mon": [["09:00", "17:00"]]}, "exceptions": []}
    cli("hours", "set", "Shop", "--stdin", "--json", stdin=json.dumps(hours))
    shown = cli("hours", "show", "Shop", "--json").document["operating_hours"]
    assert shown["weekly"]["mon"] == [["09:00", "17:00"]]

    for options, stdin in (
        ((), ""),
        (("--stdin",), "{"),
        (("--stdin", "--never-offline"), ""),
        (("--open", "mon"), ""),
        (("--open", "sun-mon=09:00-10:00"), ""),
    ):
        wrong = cli("hours", "set", "Shop", *options, "--json", stdin=stdin)
        assert wrong.error == (2, "hours_invalid"), options
    wrong = cli("hours", "set", "Shop", "--stdin", "--json", stdin='{"weekly": []}')
    assert wrong.error == (2, "invalid")
    cleared = cli("hours", "set", "Shop", "--never-offline", "--json").document
    assert cleared["operating_hours"] is None


def test_waiting_secret_is_revealed_once(
    cli: CommandLine, shop: Shop, transactor: Transactor
) -> None:
    """Then never again."""
    cli("hours", "set", "Shop", "--open", "mon=09:00-17:00", "--json")
    rotation = transactor.run(
        lambda t: schedule_rotation(t, SEALER, shop.id, ADMINISTRATOR, OffHours())
    )
    reveal = ("secret", "reveal", "Shop", rotation.new_key_id, "--json")
    assert states(cli) == ["waiting", "active"]

    shown = cli(*reveal).document

    assert len(shown["secret"]) == 64
    assert shown["rotation"]["state"] == "overlapping"
    assert cli(*reveal).error == (1, "already_revealed")
    assert cli(*reveal[:3], "nothing", "--json").error == (1, "secret_not_found")


@on_sqlite
def test_cancelling_asks_before_it_ends_a_secret(
    cli: CommandLine, shop: Shop, transactor: Transactor
) -> None:
    """One that waits is revoked with its rotation; where both stay valid nobody is asked."""
    date = AtTime(datetime.now(UTC) + timedelta(days=1))
    rotation = transactor.run(lambda t: schedule_rotation(t, SEALER, shop.id, ADMINISTRATOR, date))
    cancel = ("rotation", "cancel", "Shop", rotation.id)

    assert cli(*cancel, "--json").error == (2, "not_confirmed")
    assert cli(*cancel).code == 2, "nobody is there to ask"
    assert states(cli) == ["waiting", "active"]

    assert cli(*cancel, "--yes", "--json").document["state"] == "cancelled"
    assert states(cli) == ["revoked", "active"]
    for told in (cli(*cancel[:2], "--help").out, cli("rotation", "--help").out):
        assert "revealed is revoked" in " ".join(told.split())


@on_sqlite
def test_policy_is_set_shown_and_taken_away(cli: CommandLine, shop: Shop) -> None:
    """It says when it is due; nothing is made before."""
    policy = ("rotation", "policy", "Shop", "--json")
    assert cli(*policy).document == {"every_days": None, "due_at": None}

    set_to = cli(*policy, "--every-days", "90").document

    assert set_to["every_days"] == 90
    assert from_wire(set_to["due_at"]) > datetime.now(UTC) + timedelta(days=89)
    assert cli(*policy).document == set_to
    assert cli(*policy, "--every-days", "9", "--off").error == (2, "wrong_use")
    assert cli(*policy, "--off").document == {"every_days": None, "due_at": None}
    assert states(cli) == ["active"]


@on_sqlite
def test_every_secret_is_sealed_with_the_first_key(
    cli: CommandLine, shop: Shop, database: Database
) -> None:
    """Then the older sealing key is needed by nothing; a second time there is nothing to do."""
    both = {"SEALING_KEYS": f"{key('t')},{key('s')}"}

    assert cli("secret", "reseal", "--json", settings=both).document == {"resealed": 1}
    assert cli("secret", "reseal", "--json", settings=both).document == {"resealed": 0}

    with database.reading() as db:
        [stored] = list_secrets(db, shop.id)
    opened = SecretSealer((b"t" * 32,)).open(stored.sealed or "", shop.id, stored.key_id)
    assert opened.decode() == shop.secret


@on_sqlite
def test_overlap_is_watched_until_ctrl_c(cli: CommandLine, shop: Shop, redis_url: str) -> None:
    """The date, and how many sessions the old key has left."""
    add_sessions(redis_url, shop.id, 1, 3)
    rotation_id = planned(cli, later(hours=8))["rotation"]["id"]

    with Terminal(cli, "rotation", "show", "Shop", rotation_id, "--watch") as terminal:
        terminal.read_until("3 sessions left by the old key")
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.read_to_end() == 0

    assert "overlapping" in terminal.shown


@on_sqlite
def test_watching_ends_with_the_rotation(cli: CommandLine, shop: Shop) -> None:
    """Whoever waits with --json hears how it ended."""
    rotation_id = planned(cli, later(hours=8))["rotation"]["id"]
    watch = ("rotation", "show", "Shop", rotation_id, "--watch", "--json")
    watching = cli.begin(*watch)
    wait_until(lambda: "overlapping" in watching.err.read_text(), seconds=DEADLINE_SECONDS)

    cli("rotation", "cancel", "Shop", rotation_id, "--json")

    watched = watching.finish()
    assert watched.code == 0
    assert watched.document["state"] == "cancelled"


@on_sqlite
def test_plan_is_asked_for_at_a_terminal(cli: CommandLine, shop: Shop, redis_url: str) -> None:
    """What becomes of whom, the question, the secret once, and how to watch."""
    add_sessions(redis_url, shop.id, 1, 3)

    with Terminal(cli, "secret", "rotate", "Shop", "--retire-previous", later(days=1)) as terminal:
        terminal.read_until("[y/N]")
        assert "be asked to sign in anew" in terminal.shown
        terminal.type("y")
        assert terminal.read_to_end() == 0

    assert "--watch" in terminal.shown
    assert states(cli) == ["active", "retiring"]
