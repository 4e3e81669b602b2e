"""Signing in by the SDK, in a real browser, from another origin than the gateway's."""

from collections.abc import Callable

from tests.browser.widget.conftest import SIGN_IN, Tab
from tests.browser.widget.shop import Shop


def test_a_provider_signs_the_visitor_in(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """Under a strict policy of the page; the promise gives the visitor, the event says the same."""
    shop.then = f"window.signedIn = {SIGN_IN}"
    tab = open_tab()
    tab.until_signed_in()

    visitor = tab.run("signedIn")
    [state] = tab.heard("signed_in")
    assert (visitor["custom_id"], visitor["name"]) == ("ada", "Ada")
    assert state["isLogged"] is True
    assert state["user_id"] == visitor["id"]
    assert tab.heard("anonymous") == []
    assert tab.run("tokenAsked") == ["sign_in"]
    assert "eyJ" not in tab.storage()
    assert "Ada" not in tab.storage()
