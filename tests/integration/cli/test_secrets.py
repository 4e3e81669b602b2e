"""Secrets, rotations and receipts from the command line, on both databases."""

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from domain.ids import ProjectId, RotationId
from services.transactions import Transactor
from storage.redis.client import connect
from storage.redis.keys import receipt
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from tests.acceptance.processes import RunningProcess
from tests.integration.cli.commands import DEADLINE_SECONDS, CommandLine
from tests.integration.cli.conftest import Shop, dump, on_sqlite
from tests.integration.cli.live_sessions import NODE, add_sessions
from tests.integration.scenes import add_project, rotate
from tests.waiting import wait_until

RECEIPT = {
    "id",
    "state",
    "requested_at",
    "due_at",
    "effective_at",
    "completed_at",
    "sessions",
    "nodes",
    "last_old_key_use",
}


def test_first_secret_has_no_rotation(
    cli: CommandLine, transactor: Transactor, database: Database
) -> None:
    """It is answered once, in full, and stands in clear nowhere in the database."""
    project_id = add_project(transactor)

    answer = cli("secret", "rotate", project_id, "--yes", "--json").document

    assert set(answer) == {"secret", "key_id", "rotation"}
    assert len(answer["secret"]) == 64
    assert answer["rotation"] is None
    assert answer["secret"] not in dump(database)


def test_regenerating_answers_the_rotation(
    cli: CommandLine, shop: Shop, database: Database
) -> None:
    """The new secret is active, the old one revoked, and the audit log names who did it and why."""
    answer = cli("secret", "rotate", "Shop", "--yes", "--json", "--reason", "it leaked").document

    assert answer["rotation"]["state"] == "cutting"
    assert {"id", "state", "due_at"} <= set(answer["rotation"])
    new, old = cli("secret", "list", "Shop", "--json").document["items"]
    assert (new["key_id"], new["state"]) == (answer["key_id"], "active")
    assert (old["key_id"], old["state"]) == (shop.key_id, "revoked")
    assert new["last_four"] == answer["secret"][-4:]
    assert {"created_at", "created_by", "due_at", "last_verified_at", "last_refused_at"} <= set(new)
    with database.reading() as db:
        line = list_audit(db, shop.id, limit=1)[0]
    assert line.action == "secret.regenerated"
    assert line.actor.startswith("cli:")
    assert line.details is not None
    assert line.details["reason"] == "it leaked"
    assert answer["secret"] not in dump(database)


def test_waiting_answers_the_receipt(
    cli: CommandLine, shop: Shop, redis_url: str, revocation_worker: RunningProcess
) -> None:
    """A worker has dropped the old key's sessions, and the receipt counts them."""
    add_sessions(redis_url, shop.id, 1, 3)
    add_sessions(redis_url, shop.id, None, 2)

    answer = cli("secret", "rotate", "Shop", "--yes", "--wait", "--json").document

    receipt = answer["rotation"]
    assert receipt["state"] == "completed"
    assert receipt["sessions"] == {"targeted": 3, "closed": 0, "gone": 3}
    assert receipt["completed_at"] >= receipt["effective_at"] == receipt["due_at"]
    shown = cli("rotation", "show", "Shop", receipt["id"], "--json").document
    assert shown == receipt
    assert set(shown) >= RECEIPT
    assert shown["nodes"] == {"asked": 0, "answered": 0, "expired": []}
    assert cli("sessions", "Shop", "--json").document["by_key"] == {"anonymous": 2}


@on_sqlite
def test_secret_is_answered_whatever_becomes_of_the_following(
    cli: CommandLine, shop: Shop, redis_url: str
) -> None:
    """It can be shown this one time, so nothing that fails afterwards may take it away."""
    rotate = ("secret", "rotate", "Shop", "--yes", "--wait", "--json")
    rotating = cli.begin(*rotate)
    rotation_id = RotationId(_until_begun(cli)["id"])
    with closing(connect(redis_url)) as redis:
        redis.hset(receipt(shop.id, rotation_id), "targeted", "no number")

    rotated = rotating.finish()

    assert rotated.code == 0
    answer = rotated.document
    assert len(answer["secret"]) == 64
    assert (answer["rotation"]["id"], answer["rotation"]["state"]) == (rotation_id, "cutting")
    assert f"widget-auth rotation show {shop.id} {rotation_id}" in rotated.err


@on_sqlite
def test_secret_is_answered_whoever_stops_the_command(cli: CommandLine, shop: Shop) -> None:
    """Between the commit and the answer, while a broker is slow: it has been done, and is told."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(DEADLINE_SECONDS)
        url = {"WIDGET_AUTH_BROKER_URL": f"redis://127.0.0.1:{broker.getsockname()[1]}/1"}
        rotating = cli.begin("secret", "rotate", "Shop", "--yes", "--json", variables=url)
        connection, _ = broker.accept()
        with connection:
            rotating.send_signal(signal.SIGINT)
            rotated = rotating.finish()

    answer = rotated.document
    assert (rotated.code, len(answer["secret"])) == (0, 64)
    assert "revoked all the same" in rotated.err
    [active, _] = cli("secret", "list", "Shop", "--json").document["items"]
    assert active["key_id"] == answer["key_id"]


@on_sqlite
def test_secret_is_answered_whoever_stops_the_following(cli: CommandLine, shop: Shop) -> None:
    """One document, with the secret and the rotation as it stands then."""
    rotate = ("secret", "rotate", "Shop", "--yes", "--wait", "--json")
    rotating = cli.begin(*rotate)
    rotation_id = _until_begun(cli)["id"]

    rotating.send_signal(signal.SIGTERM)
    rotated = rotating.finish()

    answer = rotated.document
    assert (rotated.code, len(answer["secret"])) == (0, 64)
    assert (answer["rotation"]["id"], answer["rotation"]["state"]) == (rotation_id, "cutting")
    assert f"widget-auth rotation show {shop.id} {rotation_id}" in rotated.err


def test_rotations_are_listed_page_by_page(cli: CommandLine, shop: Shop) -> None:
    """Newest first; the cursor of one page leads to the next."""
    made = [
        cli("secret", "rotate", "Shop", "--yes", "--json").document["rotation"]["id"]
        for _ in range(3)
    ]

    first = cli("rotation", "list", "Shop", "--limit", "2", "--json").document
    rest = cli("rotation", "list", "Shop", "--cursor", first["next_cursor"], "--json").document

    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    assert [item["id"] for item in rest["items"]] == [made[0]]
    assert rest["next_cursor"] is None
    assert first["next_cursor"] in cli("rotation", "list", "Shop", "--limit", "2").err


@on_sqlite
def test_rotation_succeeds_without_a_broker(
    cli: CommandLine, shop: Shop, database: Database
) -> None:
    """The commit counts: the answer is whole, and the relay will send what could not be sent."""
    silent = {"BROKER_URL": "redis://127.0.0.1:1/1"}

    rotated = cli("secret", "rotate", "Shop", "--yes", "--json", settings=silent)

    assert rotated.code == 0
    assert len(rotated.document["secret"]) == 64
    assert "revoked all the same" in rotated.err
    with database.reading() as db:
        waiting = db.scalar(sa.text("SELECT count(*) FROM outbox WHERE done_at IS NULL"))
    assert waiting == 1


@on_sqlite
def test_rotation_succeeds_without_redis(cli: CommandLine, shop: Shop) -> None:
    """Nobody can count the sessions then, which is said, and is no reason not to revoke."""
    away = {"REDIS_URL": "redis://127.0.0.1:1/0"}

    rotated = cli("secret", "rotate", "Shop", "--yes", "--json", settings=away)

    assert rotated.code == 0
    assert rotated.document["rotation"]["state"] == "cutting"
    assert cli("sessions", "Shop", "--json", settings=away).error == (3, "unavailable")


PLANNED: list[tuple[tuple[str, ...], tuple[int, str]]] = [
    (("--retire-previous", "off_hours"), (1, "never_offline")),
    (("--retire-previous", "2020-12-01T09:00:00Z"), (2, "invalid")),
    (("--stretch-minutes", "30"), (2, "time_invalid")),
    (("--pinned",), (2, "time_invalid")),
    (("--pinned", "--retire-previous", "now"), (2, "time_invalid")),
    (("--retire-previous", "tomorrow"), (2, "time_invalid")),
    (("--retire-previous", "0001-01-01T00:00:00+14:00"), (2, "time_invalid")),
    (("--reason", "x" * 501), (2, "reason_invalid")),
]


@on_sqlite
def test_what_cannot_be_planned_changes_nothing(cli: CommandLine, shop: Shop) -> None:
    """It is refused; the old secret goes on."""
    for options, error in PLANNED:
        assert cli("secret", "rotate", "Shop", "--yes", *options, "--json").error == error

    [secret] = cli("secret", "list", "Shop", "--json").document["items"]
    assert secret["state"] == "active"


@on_sqlite
def test_nobody_is_rotated_without_being_asked(cli: CommandLine, shop: Shop) -> None:
    """Without --yes somebody has to be at the terminal."""
    assert cli("secret", "rotate", "Shop", "--json").error == (2, "not_confirmed")
    assert cli("secret", "rotate", "Shop", stdin="y\n").code == 2
    [secret] = cli("secret", "list", "Shop", "--json").document["items"]
    assert secret["state"] == "active"


@on_sqlite
def test_the_first_secret_of_another_is_not_revoked_unasked(
    cli: CommandLine, transactor: Transactor
) -> None:
    """Two administrators at once: the later one saw a project without a secret, and was not asked.

    What counts its sessions is a Redis that says nothing until the other one is done.
    """
    project_id = add_project(transactor)
    with ThreadPoolExecutor(1) as threads, socket.create_server(("127.0.0.1", 0)) as redis:
        redis.settimeout(30)
        silent = {"REDIS_URL": f"redis://127.0.0.1:{redis.getsockname()[1]}/0"}
        rotating = threads.submit(cli, "secret", "rotate", project_id, settings=silent)
        connection, _ = redis.accept()
        first = rotate(transactor, project_id)
        redis.close()
        connection.close()
        refused = rotating.result(30)

    assert (refused.code, refused.out.count("secret:")) == (1, 0)
    assert "no longer the one you saw" in refused.err
    [secret] = cli("secret", "list", project_id, "--json").document["items"]
    assert (secret["key_id"], secret["state"]) == (first.key_id, "active")


def test_sessions_are_counted_exactly_and_listed_in_part(
    cli: CommandLine, shop: Shop, redis_url: str
) -> None:
    """However few are listed, all are counted, by key."""
    signed_in = add_sessions(redis_url, shop.id, 1, 3)
    add_sessions(redis_url, shop.id, None, 250)

    seen = cli("sessions", "Shop", "--json", "--limit", "200").document

    assert set(seen) == {"total", "by_key", "sessions"}
    assert seen["total"] == 253
    assert seen["by_key"] == {shop.key_id: 3, "anonymous": 250}
    assert len(seen["sessions"]) == 200
    listed = {session["id"]: session for session in seen["sessions"]}
    assert set(next(iter(listed.values()))) == {
        "id",
        "visitor_id",
        "key_id",
        "node",
        "connected_at",
    }
    assert {session["node"] for session in listed.values()} == {NODE}
    for session_id in set(signed_in) & set(listed):
        assert listed[session_id]["key_id"] == shop.key_id


def test_nothing_of_another_project_is_seen(
    cli: CommandLine, shop: Shop, transactor: Transactor, redis_url: str
) -> None:
    """A rotation or session is found in its own project only."""
    other = ProjectId(add_project(transactor))
    add_sessions(redis_url, shop.id, 1, 1)
    rotation = cli("secret", "rotate", shop.id, "--yes", "--json").document["rotation"]

    asked = cli("rotation", "show", other, rotation["id"], "--json")

    assert asked.error == (1, "rotation_not_found")
    assert cli("sessions", other, "--json").document["total"] == 0


def _until_begun(cli: CommandLine) -> dict[str, Any]:
    begun: list[dict[str, Any]] = []

    def has_begun() -> bool:
        begun[:] = cli("rotation", "list", "Shop", "--json").document["items"]
        return bool(begun)

    wait_until(has_begun, "a rotation", DEADLINE_SECONDS)
    return begun[0]
