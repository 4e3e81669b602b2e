"""The minute at the demo shop, with two real browsers and no hand but the visitor's."""

from pathlib import Path

from tests.acceptance.sites import Site
from tests.browser.checks import check_fits
from tests.browser.widget.minute import CUSTOMER, DESKTOP, PHONE, Minute, open_demo_shop
from tests.servers.browser import Open


def test_both_browsers_are_disconnected_and_come_back(
    site: Site, open_browser: Open, tmp_path: Path
) -> None:
    """One visitor; a receipt for two; signed in again by the new secret, as the same visitor."""
    with open_demo_shop(site, tmp_path) as shop:
        pages = [open_browser(**screen).new_page() for screen in (DESKTOP, PHONE)]
        minute = Minute(site, shop, pages, take=lambda _page, _name: None)

        visitor = minute.log_in()
        rotation = minute.regenerate()
        minute.paste(open_browser().new_page())

        assert site.get("/impact")["by_key"][site.key_id] == 2
        [found] = site.get("/visitors", custom_id="customer-1815")["items"]
        assert (found["id"], found["name"]) == (visitor, CUSTOMER)
        sessions = site.completed_receipt(rotation)["sessions"]
        assert sessions == {"targeted": 2, "closed": 2, "gone": 0}
        check_fits(pages[1])
