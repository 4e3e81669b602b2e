"""Steps from page to page."""

from playwright.sync_api import Locator


def follow(target: Locator) -> None:
    """What a click on it leads to has been loaded, with its scripts: they hear what comes next."""
    with target.page.expect_navigation():
        target.click()
