"""One running system for the tests of a module, on SQLite and on PostgreSQL in turn."""

from collections.abc import Iterator

import pytest

from storage.sql.engine import open_database
from storage.sql.migrate import migrate
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.servers.databases import KINDS
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="module", params=KINDS)
def system(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """A running system; every test makes projects of its own in it.

    A module that wants more gateway nodes than one has their number as `GATEWAYS`; one that looks
    at the processes themselves says `FORKED = False`.
    """
    gateways = getattr(request.module, "GATEWAYS", 1)
    forked = getattr(request.module, "FORKED", True)
    launcher = request.getfixturevalue("launcher") if forked else None
    redis_server.empty()
    folder = tmp_path_factory.mktemp("system")
    server: PostgresServer | None = None
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/widget-auth.sqlite"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.create_database()
    database = open_database(url)
    migrate(database)
    database.close()
    with System(url, redis_server.url, folder, gateways=gateways, launcher=launcher) as running:
        yield running
    if server:
        server.drop_database(url)


@pytest.fixture
def site(system: System) -> Site:
    """A new project with its first secret."""
    return make_site(system)
