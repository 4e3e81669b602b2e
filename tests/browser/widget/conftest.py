"""A running system, a shop on another origin, and the widget in its pages."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.browser.dashboards import Dashboard
from tests.browser.widget.shop import Shop, open_shop
from tests.servers.browser import PATIENCE_SECONDS, Open

SIGN_IN = "tiledesk.signInWithCustomToken(fetchToken)"


@dataclass
class Tab:
    """A page of the shop, what its script heard of the widget, and what went over its sockets."""

    page: Page
    said: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Every frame that the widget sends or gets is noted."""
        self.page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framesent", lambda frame: self.said.append(json.loads(frame)))
        socket.on("framereceived", lambda frame: self.told.append(json.loads(frame)))

    def signed_in_with(self) -> list[str]:
        """The tokens presented so far."""
        return [frame["token"] for frame in self.said if frame["type"] == "sign_in"]

    def own_device(self) -> str:
        """What its newest sign-in was given; no page can read it."""
        return str([frame for frame in self.told if frame["type"] == "signed_in"][-1]["device"])

    def named_in_hello(self) -> str | None:
        """The device that it named last."""
        device: str | None
        device = [frame for frame in self.said if frame["type"] == "hello"][-1].get("device")
        return device

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
        """The expression is true; the page's policy forbids to wait for it Playwright's way."""
        self.wait(lambda: self.run(f"!!({condition})"), condition)

    def wait(self, reached: Callable[[], object], what: str = "it") -> None:
        """It has come about; meanwhile the browser is listened to."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert time.monotonic() < deadline, f"{what} did not come about: {self.run('heard')}"
            self.page.wait_for_timeout(20)

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

    def panel(self) -> Locator:
        """The open panel."""
        if not self.page.get_by_role("dialog", name="Chat").is_visible():
            self.page.get_by_role("button", name="Open chat").click()
        panel = self.page.get_by_role("dialog", name="Chat")
        expect(panel).to_be_visible()
        return panel


@pytest.fixture(scope="session")
def system(dashboard: Dashboard) -> System:
    """A running system, whose widget reaches it on another origin than the shop's."""
    return dashboard.system


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
    """Opens the shop in a fresh browser, or as one more tab of a page's.

    Its time can be put forward where the page is given a clock from the beginning.
    """

    def open_one(beside: Tab | None = None, *, clock: bool = False, **options: object) -> Tab:
        context = beside.page.context if beside else open_browser(**options)
        tab = Tab(context.new_page())
        tab.listen()
        if clock:
            tab.page.clock.install()
        tab.page.goto(shop.url)
        return tab

    return open_one
