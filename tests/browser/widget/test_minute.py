"""The minute that explains it all, with real browsers, against all that `make run` starts."""

from pathlib import Path

import pytest

from tests.browser.checks import check_fits
from tests.browser.widget.minute import DESK, DESKTOP, PHONE, Minute, run_everything
from tests.servers.browser import Open


@pytest.mark.timeout(300)
def test_both_browsers_are_disconnected_and_come_back(open_browser: Open, tmp_path: Path) -> None:
    """One visitor, whose mark turns grey and green again while the inbox lies open."""
    with run_everything(tmp_path) as dev:
        desktop, phone, inbox = (
            open_browser(**screen).new_page() for screen in (DESKTOP, PHONE, DESK)
        )
        minute = Minute(dev, (desktop, phone), inbox, take=lambda _page, _name: None)

        minute.sign_in_to_the_dashboard()
        visitor = minute.come_from_two_browsers()
        minute.look_at_the_visitor()
        secret = minute.regenerate()
        minute.follow_the_rotation()
        minute.paste(secret, open_browser().new_page())

        assert {page.evaluate("tiledesk.visitor.id") for page in (desktop, phone)} == {visitor}
        check_fits(phone)
