"""The admin API over real stores, asked over HTTP.

One dashboard serves all tests on a kind of database; each test has a project of its own.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from tests.integration.dashboard.serving import Api, Caller, serving, settings_of
from tests.servers.databases import KINDS, USUAL_KINDS
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

on_usual_kinds = pytest.mark.parametrize("kept_database_url", USUAL_KINDS, indirect=True)
"""For what no database decides, and others ask of each kind."""


@pytest.fixture(scope="session")
def kept_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated SQLite file that is kept for all tests."""
    path = tmp_path_factory.mktemp("dashboard") / "kept.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def kept_postgresql(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The URL of a migrated PostgreSQL database that is kept for all tests, as is its server."""
    return postgres_server.create_database(postgres_template)


@pytest.fixture(scope="session", params=KINDS)
def kept_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database that is kept for all tests on its kind."""
    url: str = request.getfixturevalue(f"kept_{request.param}")
    return url


@pytest.fixture(scope="session")
def serving_once(redis_server: RedisServer) -> Iterator[Callable[[str], Api]]:
    """Gives the one dashboard on a database, which serves from when it is first asked for."""
    apis: dict[str, Api] = {}
    with ExitStack() as stack:

        def serve(database_url: str) -> Api:
            if database_url not in apis:
                settings = settings_of(database_url, redis_server.url)
                apis[database_url] = stack.enter_context(serving(settings))
            return apis[database_url]

        yield serve


@pytest.fixture(scope="session")
def api(kept_database_url: str, serving_once: Callable[[str], Api]) -> Api:
    """The API, once on each kind of database, whatever the order of files."""
    return serving_once(kept_database_url)


@pytest.fixture
def project_id(api: Api) -> ProjectId:
    """A project without a secret."""
    return api.project()


@pytest.fixture
def administrator(api: Api, project_id: ProjectId) -> Caller:
    """The project's administrator."""
    return api.caller(Role.ADMINISTRATOR, project_id)


@pytest.fixture
def owner(api: Api) -> Caller:
    """Who runs the installation."""
    return api.caller(Role.OWNER)
