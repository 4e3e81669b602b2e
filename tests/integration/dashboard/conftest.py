"""The admin API over real stores, asked over HTTP.

One dashboard serves all tests on a kind of database; each test has a project of its own.
"""

import shutil
from collections.abc import Iterator

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from tests.integration.dashboard.serving import Api, Caller, serving, settings_of
from tests.servers.databases import KINDS, USUAL_KINDS
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

on_usual_kinds = pytest.mark.parametrize("kept_database_url", USUAL_KINDS, indirect=True)
"""For what no database decides, and others ask of each kind."""


@pytest.fixture(scope="session", params=KINDS)
def kept_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a migrated database that is kept for all tests on its kind."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("dashboard") / "kept.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def api(kept_database_url: str, redis_server: RedisServer) -> Iterator[Api]:
    """The API, once on each kind of database."""
    with serving(settings_of(kept_database_url, redis_server.url)) as api:
        yield api


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
