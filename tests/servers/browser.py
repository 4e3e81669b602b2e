"""A real browser: Chromium, driven by Playwright. Pages are watched while they are used."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    WebSocket,
    expect,
    sync_playwright,
)

from tests.published.witness import WITNESS

# What no page needs. The last two are panes below the address bar that every window would draw
# unseen, at the cost of half a second each. This replaces Playwright's own list, which is in it.
_WITHOUT = (
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "AimEnabled",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)
# Nothing here speaks with the world outside, and a container has neither sandbox nor graphics.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
)
START_SECONDS = 90
PATIENCE_SECONDS = 30
# The browser's word for a page that was left, by whoever uses it, while its widget connected.
LEFT_EARLY = "WebSocket is closed before the connection is established"

Open = Callable[..., BrowserContext]


class Watch:
    """What pages of a test complained about; a test says beforehand what it provokes."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._expected = [LEFT_EARLY]

    def expect(self, *parts: str) -> None:
        """Complaints that hold one of these parts are what the test is about."""
        self._expected.extend(parts)

    def attach(self, page: Page) -> None:
        """The page's console errors and uncaught exceptions are collected."""
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("websocket", _attest)

    def unexpected(self) -> list[str]:
        """The complaints that nobody announced."""
        return [c for c in self.complaints if not any(part in c for part in self._expected)]

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.complaints.append(f"{message.type}: {message.text} ({where})")


def _attest(socket: WebSocket) -> None:
    """What a widget in a page says and hears is held against what is published."""
    socket.on("framesent", WITNESS.sent)
    socket.on("framereceived", WITNESS.received)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of a file's tests; without one a visible skip, in CI a failure.

    Of one file: as long as it is open its event loop runs in this thread, and tests of other files
    have loops of their own.
    """
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium on PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), timeout=START_SECONDS * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    """Sees what pages of this test complain about."""
    return Watch()


@pytest.fixture
def open_browser(chromium: Browser, watch: Watch) -> Iterator[Open]:
    """Opens a fresh browser profile each time; at the end no page may have complained."""
    with ExitStack() as stack:

        def open_one(**options: object) -> BrowserContext:
            context = chromium.new_context(**options)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_SECONDS * 1000)
            context.on("page", watch.attach)
            return context

        yield open_one
        assert watch.unexpected() == []


@pytest.fixture
def page(open_browser: Open) -> Page:
    """One page in a fresh browser profile."""
    return open_browser().new_page()
