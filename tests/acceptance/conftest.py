"""One running system for the tests of a module, on SQLite and on PostgreSQL in turn."""

import shutil
from collections.abc import Iterator

import pytest

from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.servers.databases import KINDS
from tests.servers.forks import Launcher
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
    into processes has the names of those that must be as they are elsewhere as `NOT_FORKED`.
    """
    gateways = getattr(request.module, "GATEWAYS", 1)
    not_forked = getattr(request.module, "NOT_FORKED", ())
    launcher: Launcher = request.getfixturevalue("launcher")
    redis_server.empty()
    folder = tmp_path_factory.mktemp("system")
    server: PostgresServer | None = None
    if request.param == "sqlite":
        path = folder / "widget-auth.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.create_database(request.getfixturevalue("postgres_template"))
    with System(
        url,
        redis_server.url,
        folder,
        gateways=gateways,
        launcher=launcher,
        not_forked=not_forked,
    ) as running:
        yield running
    if server:
        server.drop_database(url)


@pytest.fixture
def site(system: System) -> Site:
    """A new project with its first secret."""
    return make_site(system)
