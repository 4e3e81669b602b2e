"""Commands that are stopped while they wait for somebody's lock in PostgreSQL."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from domain.ids import KeyId, ProjectId
from domain.sealing import NONCE_BYTES
from domain.signing_secrets import SecretState, SigningSecret
from services.reseal_secrets import AT_ONCE
from storage.sql import signing_secrets
from storage.sql.engine import Database
from tests.integration.cli.commands import DEADLINE_SECONDS, Begun, CommandLine, key
from tests.integration.cli.conftest import Shop
from tests.integration.scenes import SEALER, holding
from tests.waiting import somebody_waits_for_a_lock, wait_until

BOTH_KEYS = {"WIDGET_AUTH_SEALING_KEYS": f"{key('t')},{key('s')}"}

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

StartWaiting = Callable[..., Begun]


@pytest.fixture
def start_waiting(cli: CommandLine, database: Database) -> Iterator[StartWaiting]:
    """Starts a command that comes to wait for a lock; it is gone when the test is over."""
    started: list[Begun] = []

    def start(*arguments: str, variables: Mapping[str, str] | None = None) -> Begun:
        command = cli.begin(*arguments, variables=variables)
        started.append(command)
        wait_until(
            lambda: command.has_ended() or somebody_waits_for_a_lock(database),
            "a command that waits",
            DEADLINE_SECONDS,
        )
        assert not command.has_ended()
        return command

    yield start
    for process in started:
        process.kill()


def test_what_waits_for_a_project_is_stopped(
    cli: CommandLine, shop: Shop, database: Database, start_waiting: StartWaiting
) -> None:
    """Once the lock is free, nothing happens any more."""
    with holding(database, shop.id):
        rotating = start_waiting("secret", "rotate", "Shop", "--yes", "--json")
        rotating.send_signal(signal.SIGINT)

    assert rotating.finish().error == (1, "stopped")
    [secret] = cli("secret", "list", "Shop", "--json").document["items"]
    assert (secret["key_id"], secret["state"]) == (shop.key_id, "active")


def test_resealing_ends_after_a_commit(
    shop: Shop, database: Database, start_waiting: StartWaiting
) -> None:
    """It says how many secrets it has done, in two commits of three."""
    _add_revoked(database, shop.id, 2 * AT_ONCE)
    with database.reading() as db:
        sealed = signing_secrets.list_sealed(db, after="", limit=3 * AT_ONCE)

    with database.writer.begin() as db:
        db.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        signing_secrets.lock_secrets(db, [sealed[AT_ONCE].key_id])
        resealing = start_waiting("secret", "reseal", "--json", variables=BOTH_KEYS)
        resealing.send_signal(signal.SIGTERM)

    resealed = resealing.finish()
    assert resealed.error == (1, "stopped")
    assert f" {2 * AT_ONCE} secrets " in resealed.document["error"]["message"]


def _add_revoked(database: Database, project_id: ProjectId, count: int) -> None:
    """The project has so many secrets more, sealed with the key that was the first."""
    now = datetime.now(UTC)
    with database.writer.begin() as db:
        for generation in range(100, 100 + count):
            key_id = KeyId(f"key-{generation}")
            sealed = SEALER.seal(b"a secret", project_id, key_id, os.urandom(NONCE_BYTES))
            secret = SigningSecret(
                key_id=key_id,
                project_id=project_id,
                generation=generation,
                state=SecretState.REVOKED,
                sealed=sealed,
                last_four="cret",
                created_at=now,
                created_by="test",
                revoked_at=now,
            )
            signing_secrets.insert_secret(db, secret)
