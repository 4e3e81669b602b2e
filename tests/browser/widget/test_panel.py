"""The default look: a bubble and a panel that everybody can use."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.checks import check_accessible, check_colours
from tests.browser.widget.conftest import Tab
from tests.browser.widget.shop import Shop
from tests.servers.node_packages import install_node_packages

HERE = Path(__file__).parent


def _answer(shop: Shop, visitor_id: str, text: str) -> None:
    with shop.site.system.admin(shop.site.api_key) as admin:
        path = f"/projects/{shop.site.project_id}/visitors/{visitor_id}/messages"
        assert admin.post(path, json={"text": text}).is_success


def test_words_go_to_an_agent_and_come_back(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """By keyboard alone; what comes while the panel is closed is counted in the bubble's name."""
    tab = open_tab()
    tab.until_signed_in()
    page = tab.page
    bubble = page.get_by_role("button", name="Open chat")
    expect(bubble).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(bubble).to_be_focused()
    page.keyboard.press("Enter")

    panel = page.get_by_role("dialog", name="Chat")
    field = panel.get_by_role("textbox", name="Your message")
    expect(field).to_be_focused()
    expect(panel.get_by_role("status")).to_have_text("Connected")
    expect(panel).to_contain_text("Signed in as Ada ✓")
    page.keyboard.type("<b>Is it in stock?</b>")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("The green one")
    page.keyboard.press("Enter")
    log = panel.get_by_role("log", name="Conversation")
    expect(log).to_contain_text("<b>Is it in stock?</b>\nThe green oneYou", use_inner_text=False)
    expect(field).to_have_value("")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bubble).to_be_focused()

    _answer(shop, tab.run("tiledesk.visitor.id"), "Yes, two of them.")
    waiting = page.get_by_role("button", name="Open chat, 1 unread")
    waiting.click()
    expect(log).to_contain_text("Yes, two of them.")
    panel.get_by_role("button", name="Close chat").click()
    expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_focused()
    tab.run("tiledesk.signOut()")
    tab.panel()
    expect(log).to_have_text("Write to us. We answer here.")
    expect(panel).to_contain_text("You are not signed in.")


def test_axe_finds_nothing_in_either_scheme(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """On a telephone's screen, with a message in the panel, and where nothing may move."""
    shop.policy = lambda: ""  # type: ignore[method-assign]  # axe is put into the page
    tab = open_tab(
        color_scheme="light", reduced_motion="reduce", viewport={"width": 320, "height": 600}
    )
    tab.until_signed_in()
    panel = tab.panel()
    panel.get_by_role("textbox").fill("Hello")
    panel.get_by_role("button", name="Send").click()
    expect(panel.get_by_role("log")).to_contain_text("You")
    tab.page.evaluate("document.documentElement.style.background = 'Canvas'")

    check_accessible(tab.page)
    tab.page.emulate_media(color_scheme="dark")
    assert tab.run("matchMedia('(prefers-color-scheme: dark)').matches")
    check_colours(tab.page)

    box = panel.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_words_that_did_not_arrive_can_be_sent_again(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """What cannot be kept is told at once; what the gateway refuses, the visitor decides on."""
    shop.then = ""
    tab = open_tab()
    tab.until_anonymous()
    codes = tab.run("""Promise.all(["", "x".repeat(4001), "\\u0001".repeat(4000)].map(
        (text) => tiledesk.send(text).catch((error) => error.code)))""")
    assert codes == ["message_invalid"] * 3
    panel = tab.panel()
    panel.get_by_role("textbox").evaluate("field => field.value = 'a\\0b'")
    panel.get_by_role("button", name="Send").click()
    expect(panel.get_by_role("log")).to_contain_text("Not sent. Try again")
    panel.get_by_role("button", name="Try again").click()
    expect(panel.get_by_role("log").get_by_role("paragraph")).to_have_count(2)
    expect(panel.get_by_role("textbox")).to_be_focused()
    assert tab.run("tiledesk.send('half \\ud83d of a pair')")


def test_the_types_of_the_sdk_are_right() -> None:
    """As TypeScript reads its JSDoc, strictly."""
    install_node_packages(HERE)
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "--project", "."],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
