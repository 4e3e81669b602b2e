"""The dashboard in a real browser, behind one port as `make run` starts it.

`page`, `open_browser` and `watch` are in `tests/servers/browser.py`.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.dashboards import Dashboard, OnePortSystem, open_dashboard
from tests.servers.browser import Open
from tests.servers.forks import Launcher
from tests.servers.redis import RedisServer

SignInAs = Callable[..., Page]


@pytest.fixture(scope="session")
def dashboard(
    redis_server: RedisServer, launcher: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """A running system for all tests of this process; each test makes a project of its own.

    It goes on beside other tests, whose Redis is emptied again and again and whose tasks its
    workers would take: it has a Redis to itself.
    """
    assert redis_server, "without a Redis these tests are skipped like all others"
    folder = tmp_path_factory.mktemp("one-port")
    own = RedisServer()
    own.start()
    try:
        with OnePortSystem(own.url, folder, launcher) as system:
            dashboard = open_dashboard(system)
            yield dashboard
            dashboard.transactor.database.close()
    finally:
        own.stop()


@pytest.fixture
def project_id(dashboard: Dashboard) -> ProjectId:
    """A new project without a secret."""
    return dashboard.project()


@pytest.fixture
def sign_in_as(dashboard: Dashboard, open_browser: Open) -> SignInAs:
    """Opens a page of somebody of a role who is signed in.

    `sign_in_as(Role.OPERATOR, project_id)` gives a blank page of a browser of its own; paths are
    below the dashboard's address. Further arguments are those of Playwright's `new_context`.
    """

    def signed_in(role: Role, project_id: ProjectId | None = None, **options: object) -> Page:
        context = open_browser(base_url=dashboard.url, **options)
        context.add_cookies([dashboard.cookie(dashboard.member(role, project_id))])
        return context.new_page()

    return signed_in
