"""A running system, a shop on another origin, and the widget in its pages."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from storage.sql.engine import open_database
from storage.sql.migrate import migrate
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.browser.widget.shop import Shop, open_shop
from tests.servers.browser import PATIENCE_SECONDS, Open
from tests.servers.redis import RedisServer

SIGN_IN = "tiledesk.signInWithCustomToken(fetchToken)"


@dataclass
class Tab:
    """A page of the shop, and what its script heard of the widget."""

    page: Page

    def run(self, script: str) -> Any:
        """The value of the expression, awaited."""
        return self.page.evaluate(script)

    def heard(self, event: str) -> list[dict[str, Any]]:
        """What `onAuthStateChanged` said under that name."""
        found: list[dict[str, Any]] = self.run(
            f"heard.filter(each => each.event === {event!r} || each.type === {event!r})"
        )
        return found

    def until(self, condition: str) -> None:
        """The expression is true."""
        self.page.wait_for_function(condition, timeout=PATIENCE_SECONDS * 1000, polling=20)

    def until_signed_in(self, name: str = "Ada") -> None:
        """The visitor is that person."""
        self.until(f"tiledesk.visitor?.authenticated && tiledesk.visitor.name === {name!r}")

    def until_anonymous(self) -> None:
        """Connected, as nobody in particular."""
        self.until("tiledesk.visitor && !tiledesk.visitor.authenticated")
        self.until_connected()

    def until_connected(self) -> None:
        """The socket is live."""
        self.until("heard.findLast(each => each.state)?.state === 'connected'")

    def storage(self) -> str:
        """Everything that the browser keeps for the shop."""
        text: str = self.run(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )
        return text

    def panel(self) -> Any:
        """The open panel."""
        if not self.page.get_by_role("dialog", name="Chat").is_visible():
            self.page.get_by_role("button", name="Open chat").click()
        panel = self.page.get_by_role("dialog", name="Chat")
        expect(panel).to_be_visible()
        return panel


@pytest.fixture(scope="module")
def system(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system, whose widget reaches it on another origin than the shop's."""
    folder = tmp_path_factory.mktemp("system")
    url = f"sqlite:///{folder}/widget-auth.sqlite"
    database = open_database(url)
    migrate(database)
    database.close()
    with System(url, redis_server.url, folder) as running:
        yield running


@pytest.fixture
def site(system: System) -> Site:
    """A new project with its first secret."""
    return make_site(system)


@pytest.fixture
def shop(system: System, site: Site) -> Iterator[Shop]:
    """Its pages sign Ada in by a provider, unless a test wants otherwise."""
    with open_shop(site, system.gateway_url()) as opened:
        opened.then = SIGN_IN
        yield opened


@pytest.fixture
def open_tab(open_browser: Open, shop: Shop) -> Callable[..., Tab]:
    """Opens the shop in a fresh browser, or as one more tab of a page's."""

    def open_one(beside: Tab | None = None, **options: object) -> Tab:
        context = beside.page.context if beside else open_browser(**options)
        page = context.new_page()
        page.goto(shop.url)
        return Tab(page)

    return open_one


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """It has come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
