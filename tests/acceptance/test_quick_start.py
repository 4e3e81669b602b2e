"""A newcomer's path from the README to an own site that signs its visitors in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.newcomers import Newcomer, a_newcomer
from tests.documents import ROOT, read_blocks

QUICK_START = ROOT / "docs" / "quick-start.md"


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    """Somebody who has nothing yet."""
    with a_newcomer(tmp_path) as somebody:
        yield somebody


def _is(page: Page, said: str) -> None:
    expect(page.locator("#chat")).to_have_text(said)


@pytest.mark.timeout(300)
def test_a_site_of_ones_own(newcomer: Newcomer, page: Page) -> None:
    """Run, make a secret, be the site, be a visitor, lose the secret, come back."""
    run, new_secret, site, look, lose = (
        block.text for block in read_blocks(QUICK_START) if block.is_commands
    )
    newcomer.type(run)
    newcomer.type(new_secret)
    newcomer.type(site)
    address = f"http://127.0.0.1:{newcomer.site_port}"

    page.goto(address)
    _is(page, "anonymous")
    page.get_by_role("button", name="Log in as ada").click()
    _is(page, "signed in as Ada Lovelace")
    assert "ada" in newcomer.type(look)

    told = newcomer.type(lose)
    _is(page, "anonymous")
    page.get_by_role("button", name="Log out").click()
    _is(page, "anonymous")
    page.get_by_role("button", name="Log in as ada").click()
    expect(page.get_by_text("Hello, Ada Lovelace.")).to_be_visible()
    _is(page, "anonymous")

    (newcomer.folder / ".data" / "secret").write_text(_shown(told))
    page.goto("about:blank")
    newcomer.interrupt("examples/own_site.py")
    assert len(site.replace("\\\n", "").splitlines()) == 3  # "the same three commands"
    newcomer.type(site)
    page.goto(address)
    _is(page, "anonymous")
    page.get_by_role("button", name="Log in as ada").click()
    _is(page, "signed in as Ada Lovelace")
    page.goto("about:blank")
    newcomer.interrupt("examples/own_site.py")
    newcomer.interrupt("make run")


def _shown(told: str) -> str:
    [secret] = set(re.findall(r"(?<![\w-])[\w-]{64}(?![\w-])", told))
    return secret
