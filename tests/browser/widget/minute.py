"""The minute that explains it all, played at the demo shop; its pictures for the documentation.

`python -m tests.browser.widget.minute` plays it and leaves them in `docs/images`.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from cli.shop.configuration import ShopConfiguration
from tests.acceptance.processes import ROOT, RunningProcess, free_port
from tests.acceptance.sites import Site, make_site
from tests.browser.dashboards import OnePortSystem
from tests.servers.browser import ARGUMENTS, PATIENCE_SECONDS
from tests.servers.redis import RedisServer
from tests.servers.runs import begin_run, end_run

FOLDER = ROOT / "docs" / "images"
DESKTOP = {"viewport": {"width": 1100, "height": 820}}
PHONE = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark"}
CUSTOMER = "Ada Lovelace"

_MS = PATIENCE_SECONDS * 1000
Take = Callable[[Page, str], None]


@contextmanager
def open_demo_shop(site: Site, folder: Path) -> Iterator[str]:
    """The shop that `make run` serves, with the project's secret in its file; yields its URL."""
    path, port = folder / "shop.json", free_port()
    ShopConfiguration(site.project_id, site.secret).write(path)
    command = ("cli.shop", str(path), str(port), site.system.gateway_url())
    process = RunningProcess("shop", command, {}, folder).start()
    try:
        process.wait_until_ready()
        yield f"http://localhost:{port}"
    finally:
        process.stop()


class Minute:
    """Two browsers of one customer at the shop. Each step has come about when it returns."""

    def __init__(self, site: Site, shop: str, pages: list[Page], take: Take) -> None:
        self._site = site
        self._shop = shop
        self._pages = pages
        self._take = take

    def log_in(self) -> str:
        """Both browsers are signed in as the same customer; returns the visitor's id."""
        for page in self._pages:
            page.goto(self._shop)
            page.get_by_role("button", name=CUSTOMER).click()
            page.get_by_role("button", name="Open chat").click()
            expect(page.get_by_text(f"Signed in as {CUSTOMER} ✓")).to_be_visible(timeout=_MS)
        field = self._pages[0].get_by_role("textbox", name="Your message")
        field.fill("Is the reading lamp in stock?")
        field.press("Enter")
        expect(self._pages[0].get_by_role("log")).to_contain_text("You", timeout=_MS)
        self._show("signed-in")
        [visitor] = {page.evaluate("tiledesk.visitor.id") for page in self._pages}
        return str(visitor)

    def regenerate(self) -> str:
        """Both were disconnected, and wait for the shop; returns the rotation's id."""
        rotation: str = self._site.regenerate()["rotation"]["id"]
        for page in self._pages:
            expect(page.get_by_text("You are not signed in.")).to_be_visible(timeout=_MS)
            expect(page.locator("#waiting")).to_be_visible()
            expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=_MS)
        self._show("waiting")
        return rotation

    def paste(self, office: Page) -> None:
        """The shop has the new secret, and both came back without anybody's help."""
        office.goto(f"{self._shop}/back-office")
        office.get_by_label("New secret").fill(self._site.secret)
        office.get_by_role("button", name="Use it from now on").click()
        expect(office.get_by_role("status")).to_contain_text("The new secret is in use")
        self._take(office, "shop-back-office")
        for page in self._pages:
            expect(page.get_by_text(f"Signed in as {CUSTOMER} ✓")).to_be_visible(timeout=_MS)
            expect(page.locator("#waiting")).to_be_hidden()

    def _show(self, moment: str) -> None:
        for page, screen in zip(self._pages, ("", "-phone"), strict=True):
            self._take(page, f"shop-{moment}{screen}")


def _save(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / f"{name}.png")
    sys.stdout.write(f"docs/images/{name}.png\n")


def main() -> int:
    """The minute was played and its pictures are in `docs/images`."""
    path = shutil.which("chromium")
    if path is None:
        sys.stderr.write("no chromium on PATH (Debian: apt-get install chromium)\n")
        return 1
    begin_run(first_process=True)
    redis = RedisServer()
    redis.start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            OnePortSystem(redis.url, Path(folder)) as system,
            open_demo_shop(site := make_site(system), Path(folder)) as shop,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
            contexts: list[BrowserContext] = [
                browser.new_context(**screen) for screen in (DESKTOP, PHONE, DESKTOP)
            ]
            ada, phone, office = [context.new_page() for context in contexts]
            minute = Minute(site, shop, [ada, phone], _save)
            minute.log_in()
            minute.regenerate()
            minute.paste(office)
            browser.close()
    finally:
        redis.stop()
        end_run(first_process=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
