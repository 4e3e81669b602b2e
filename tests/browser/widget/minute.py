"""The minute that explains it all, played at the demo shop; its pictures for the documentation.

`python -m tests.browser.widget.minute` plays it and leaves them in `docs/images`.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.acceptance.dev import Dev
from tests.acceptance.processes import ROOT
from tests.servers.browser import ARGUMENTS, PATIENCE_SECONDS

FOLDER = ROOT / "docs" / "images"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1100, "height": 820}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark"}
DESK: dict[str, Any] = {"viewport": {"width": 1180, "height": 760}}
CUSTOMER = "Ada Lovelace"
WORDS = ("Is the reading lamp in stock?", "Hello, it is me again, from the train.", "Thank you!")

_MS = PATIENCE_SECONDS * 1000
Take = Callable[[Page, str], None]


@contextmanager
def run_everything(folder: Path) -> Iterator[Dev]:
    """What `make run` starts, with nothing in it but what its first start makes."""
    dev = Dev(folder / "data", "--port", "0", "--stop-with-parent")
    try:
        dev.wait_until_ready()
        yield dev
    finally:
        dev.close()


class Minute:
    """Two browsers of one customer at the shop, and an administrator's.

    Each step has come about when it returns.

    Attributes:
        inbox: the administrator's first tab, which nobody touches once it is open.
        tab: the administrator's second tab.
    """

    def __init__(self, dev: Dev, shop: tuple[Page, Page], inbox: Page, take: Take) -> None:
        self.inbox = inbox
        self.tab = inbox.context.new_page()
        self._dev = dev
        self._desktop, self._phone = shop
        self._take = take

    def sign_in_to_the_dashboard(self) -> None:
        """By the form, with what the start printed; the demo project's inbox is open and empty."""
        page, told = self.inbox, self._dev.told
        page.goto(self._dev.url)
        page.get_by_label("E-mail address").fill(told["demo administrator"])
        page.get_by_label("Password").fill(told["password"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("main").get_by_role("link", name="Demo").click()
        page.get_by_role("link", name="Inbox").click()
        expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible(timeout=_MS)

    def come_from_two_browsers(self) -> str:
        """The customer logged in on both, on the second after having written as nobody.

        The inbox showed two conversations, and then one. Returns the visitor's id.
        """
        self._log_in(self._desktop)
        _write(self._desktop, WORDS[0])
        self._phone.goto(self._dev.told["demo shop"])
        _write(self._phone, WORDS[1])
        expect(self._conversations).to_have_count(2, timeout=_MS)

        self._log_in(self._phone)
        expect(self._conversations).to_have_count(1, timeout=_MS)
        _write(self._phone, WORDS[2])
        self._conversations.get_by_role("link", name=CUSTOMER).click()
        for text in WORDS:
            expect(self.inbox.get_by_role("log")).to_contain_text(text, timeout=_MS)
        self._is_marked("verified")
        self._take(self.inbox, "inbox-verified")
        self._show_shop("signed-in")
        [visitor] = {page.evaluate("tiledesk.visitor.id") for page in self._shop}
        return str(visitor)

    def look_at_the_visitor(self) -> None:
        """One person: two live sessions on two devices, and the record that was merged."""
        self.tab.goto(self.inbox.url)
        self.tab.get_by_role("link", name="Visitor", exact=True).click()
        expect(self.tab.get_by_role("heading", name=CUSTOMER)).to_be_visible(timeout=_MS)
        for table, row, count in (
            ("Live sessions", "Secret 1", 2),
            ("Devices", "open", 2),
            ("Merged records", "Undo", 1),
        ):
            rows = self.tab.get_by_role("table", name=table).get_by_role("row")
            expect(rows.filter(has_text=row)).to_have_count(count, timeout=_MS)

    def regenerate(self) -> str:
        """Both were disconnected and wait for the shop, and the open inbox's mark is grey.

        Returns the new secret, as its page shows it.
        """
        self.tab.get_by_role("link", name="Visitor authentication").click()
        self.tab.get_by_role("button", name="Regenerate").click()
        dialog = self.tab.get_by_role("dialog")
        expect(dialog).to_contain_text("2 live sessions", timeout=_MS)
        dialog.get_by_role("button", name="Regenerate now").click()
        expect(self.tab.get_by_role("heading", name="The new secret")).to_be_visible(timeout=_MS)
        secret = self.tab.locator("#secret").inner_text()

        for page in self._shop:
            expect(page.get_by_text("You are not signed in.")).to_be_visible(timeout=_MS)
            expect(page.locator("#waiting")).to_be_visible(timeout=_MS)
            expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=_MS)
        self._is_marked("grey")
        self._show_shop("waiting")
        self._take(self.inbox, "inbox-revoked")
        return secret

    def follow_the_rotation(self) -> None:
        """Its page says by itself that both were disconnected, and that this is all."""
        self.tab.get_by_role("link", name="Follow the rotation").click()
        expect(self.tab.get_by_role("heading", name="Receipt")).to_be_visible(timeout=_MS)

    def paste(self, secret: str, office: Page) -> None:
        """The shop has the new secret, and both came back without anybody's help."""
        office.goto(f"{self._dev.told['demo shop']}/back-office")
        office.get_by_label("New secret").fill(secret)
        office.get_by_role("button", name="Use it from now on").click()
        expect(office.get_by_role("status")).to_contain_text(
            "The new secret is in use", timeout=_MS
        )
        self._take(office, "shop-back-office")
        for page in self._shop:
            expect(page.get_by_text(f"Signed in as {CUSTOMER} ✓")).to_be_visible(timeout=_MS)
            expect(page.locator("#waiting")).to_be_hidden(timeout=_MS)
        self._is_marked("verified")

    @property
    def _shop(self) -> tuple[Page, Page]:
        return self._desktop, self._phone

    @property
    def _conversations(self) -> Locator:
        return self.inbox.get_by_role("navigation", name="Conversations").get_by_role("listitem")

    def _log_in(self, page: Page) -> None:
        page.goto(self._dev.told["demo shop"])
        page.get_by_role("button", name=CUSTOMER).click()
        page.get_by_role("button", name="Open chat").click()
        expect(page.get_by_text(f"Signed in as {CUSTOMER} ✓")).to_be_visible(timeout=_MS)

    def _is_marked(self, state: str) -> None:
        """Over the conversation and in the list, without the page being touched."""
        for place in (self.inbox.locator(".thread-head"), self._conversations):
            expect(place.locator(f"[data-mark={state}]")).to_be_visible(timeout=_MS)

    def _show_shop(self, moment: str) -> None:
        for page, screen in zip(self._shop, ("", "-phone"), strict=True):
            self._take(page, f"shop-{moment}{screen}")


def _write(page: Page, text: str) -> None:
    if page.get_by_role("button", name="Open chat").is_visible():
        page.get_by_role("button", name="Open chat").click()
    field = page.get_by_role("textbox", name="Your message")
    field.fill(text)
    field.press("Enter")
    expect(page.get_by_role("log").get_by_text(text)).to_be_visible(timeout=_MS)


def _save(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / f"{name}.png")
    sys.stdout.write(f"docs/images/{name}.png\n")


def main() -> int:
    """The minute was played and its pictures are in `docs/images`."""
    path = shutil.which("chromium")
    if path is None:
        sys.stderr.write("no chromium on PATH (Debian: apt-get install chromium)\n")
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        run_everything(Path(folder)) as dev,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        _play(dev, browser)
        browser.close()
    return 0


def _play(dev: Dev, browser: Browser) -> None:
    desktop, phone, office, inbox = (
        browser.new_context(**screen).new_page() for screen in (DESKTOP, PHONE, DESKTOP, DESK)
    )
    minute = Minute(dev, (desktop, phone), inbox, _save)
    minute.sign_in_to_the_dashboard()
    minute.come_from_two_browsers()
    minute.look_at_the_visitor()
    minute.paste(minute.regenerate(), office)


if __name__ == "__main__":
    sys.exit(main())
