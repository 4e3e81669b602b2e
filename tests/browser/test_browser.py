"""The browser itself: what a page complains about is seen."""

import time

from playwright.sync_api import Page

from tests.servers.browser import PATIENCE_SECONDS, Watch


def test_what_a_page_complains_about_is_seen(page: Page, watch: Watch) -> None:
    """An error on the console and an uncaught exception are both collected."""
    watch.expect("told on the console", "thrown by the page")
    page.goto("data:text/html,<title>Two complaints</title>")
    page.evaluate("console.error('told on the console')")
    page.evaluate("setTimeout(() => { throw new Error('thrown by the page') })")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(watch.complaints) < 2:
        assert time.monotonic() < deadline, watch.complaints
        page.wait_for_timeout(20)  # the browser is listened to
    assert len(watch.complaints) == 2
    assert watch.unexpected() == []
    assert page.title() == "Two complaints"
