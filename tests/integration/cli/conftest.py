"""A system without processes: databases, a Redis, a project, and the command line to them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.ids import KeyId, ProjectId
from services.transactions import Transactor
from storage.sql.engine import Database
from storage.sql.tables import metadata
from tests.acceptance.processes import RunningProcess
from tests.integration.cli.commands import CommandLine, key
from tests.integration.scenes import add_project, open_transactor, rotate
from tests.servers.forks import Launcher

# For tests of what is the same whatever the database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Shop:
    """A project called Shop whose first secret is active."""

    id: ProjectId
    secret: str
    key_id: KeyId


def settings_for(database_url: str, redis_url: str) -> dict[str, str]:
    """Every setting of a system with these stores, under its name without the prefix."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SEALING_KEYS": key("s"),
        "QUEUE_KEYS": key("q"),
        "DEVICE_KEYS": key("d"),
        "SESSION_KEY": key("c"),
    }


@pytest.fixture
def cli(database_url: str, redis_url: str, tmp_path: Path) -> CommandLine:
    """The command line of a system of which only the stores run; on each database in turn."""
    return CommandLine(settings_for(database_url, redis_url), tmp_path)


@pytest.fixture
def sqlite_cli(sqlite_template: Path, redis_url: str, tmp_path: Path) -> CommandLine:
    """The same on SQLite alone, for what the database makes no difference to."""
    path = tmp_path / "test.sqlite"
    shutil.copy(sqlite_template, path)
    return CommandLine(settings_for(f"sqlite:///{path}", redis_url), tmp_path)


@pytest.fixture
def transactor(database: Database) -> Transactor:
    """Runs use cases as a worker does; what they publish reaches nobody."""
    return open_transactor(database)[0]


@pytest.fixture
def shop(transactor: Transactor) -> Shop:
    """A project with a secret."""
    project_id = add_project(transactor)
    generated = rotate(transactor, project_id)
    return Shop(project_id, generated.secret, generated.key_id)


def dump(database: Database) -> str:
    """Every value of every table."""
    with database.reading() as db:
        tables = metadata.sorted_tables
        return str([tuple(row) for table in tables for row in db.execute(sa.select(table))])


@pytest.fixture
def revocation_worker(
    cli: CommandLine, launcher: Launcher, tmp_path: Path
) -> Iterator[RunningProcess]:
    """A real worker that carries revocations out."""
    command = ("celery", "-q", "-A", "workers.app", "worker", "-P", "solo", "-Q", "revocation")
    alone = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    environ = {f"WIDGET_AUTH_{name}": value for name, value in cli.environment.items()}
    worker = RunningProcess("worker", (*command, *alone), environ, tmp_path, launcher).start()
    worker.wait_until_ready()
    yield worker
    worker.stop()
