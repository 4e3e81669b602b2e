"""Signing in by the SDK, in a real browser, from another origin than the gateway's."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus

import pytest
from playwright.sync_api import expect

from tests.browser.widget.conftest import SIGN_IN, Tab
from tests.browser.widget.shop import Shop
from tests.servers.browser import PATIENCE_SECONDS, Watch


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
    assert "eyJ" not in tab.storage() + "".join(tab.urls)
    assert "Ada" not in tab.storage()


def test_pages_of_the_original_system_work_as_they_stand(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """A text with its scheme, the promise ignored, and a listener that signs in who is not."""
    token = f"JWT {shop.site.token(name='Ada')}"
    refused = f"JWT {shop.site.token(lifetime=-900)}"
    shop.then = f"""
        const token = location.search ? {refused!r} : {token!r};
        tiledesk.on("onAuthStateChanged", ({{detail}}) => {{
          if (!detail.isLogged) tiledesk.signInWithCustomToken(token);
        }});"""
    tab = open_tab()
    tab.until_signed_in()
    assert tab.signed_in_with() == [token]
    assert [state["isLogged"] for state in tab.heard("onAuthStateChanged")] == [False, True]

    tab.page.goto(f"{shop.url}/?expired")
    tab.until_anonymous()
    tab.wait(lambda: "token_expired" in [frame.get("code") for frame in tab.told])
    again = tab.run(f"tiledesk.signInWithCustomToken({refused!r}).catch(error => error.code)")
    assert again == "key_revoked"
    assert tab.signed_in_with().count(refused) == 1
    assert [state["isLogged"] for state in tab.heard("onAuthStateChanged")] == [False]


def test_the_later_form_of_the_original_system_works_too(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Commands given before the script came are carried out when it is there."""
    shop.settings = {"autoStart": False}
    shop.then = ""
    shop.before = f"""
        window.Tiledesk = function () {{ Tiledesk.c(arguments); }};
        Tiledesk.q = [];
        Tiledesk.c = (given) => Tiledesk.q.push(given);
        Tiledesk("onAuthStateChanged", (event) => event.detail.isLogged && Tiledesk("open"));
        Tiledesk("signInWithCustomToken", "JWT {shop.site.token(name="Ada")}");"""
    tab = open_tab()
    tab.until_signed_in()
    panel = tab.page.get_by_role("dialog", name="Chat")
    expect(panel).to_be_visible()

    tab.run("Tiledesk('hide')")
    expect(panel).to_be_hidden()
    tab.run("Tiledesk('show')")
    expect(panel).to_be_visible()
    tab.run("Tiledesk('logout')")
    tab.until_anonymous()


def test_a_provider_that_fails_is_slow_or_late_is_asked_again(
    open_tab: Callable[..., Tab], shop: Shop, watch: Watch
) -> None:
    """The promise tells of the first attempt; the visitor is signed in when a token is good."""
    watch.expect("the server responded with a status of 503")
    too_late = threading.Event()
    answers = [
        lambda: (HTTPStatus.SERVICE_UNAVAILABLE, "{}"),
        lambda: too_late.wait(PATIENCE_SECONDS) and shop.fresh_token(),
        lambda: (HTTPStatus.OK, json.dumps({"token": shop.site.token(lifetime=-900)})),
        shop.fresh_token,
    ]
    shop.settings = {"tokenTimeoutSeconds": 8}
    shop.answer_token = lambda shop: answers[shop.asked - 1]()
    shop.then = f"window.failed = {SIGN_IN}.catch((error) => error.code)"
    tab = open_tab(clock=True)
    tab.until_anonymous()
    assert tab.run("failed") == "provider_failed"
    tab.wait(lambda: shop.asked == 2)
    tab.page.clock.fast_forward(8_000)
    too_late.set()
    tab.until_signed_in()

    assert shop.asked == 4
    assert len(tab.signed_in_with()) == 2
    assert tab.run("tokenAsked") == ["sign_in", "retry", "retry", "retry"]
    assert [state["isLogged"] for state in tab.heard("onAuthStateChanged")] == [False, True]


def test_nobody_is_signed_in_where_nobody_is_logged_in(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """A provider that gives null is not asked again; once somebody was, it signs them out."""
    shop.logged_in = None
    shop.then = f"window.failed = {SIGN_IN}.catch((error) => error.code)"
    tab = open_tab()
    tab.until_anonymous()
    assert tab.run("failed") == "not_logged_in"
    anonymous = tab.run("tiledesk.visitor.id")

    tab.page.reload()
    tab.until_anonymous()
    assert tab.run("tiledesk.visitor.id") == anonymous
    shop.logged_in = "ada"
    tab.run(SIGN_IN)
    shop.logged_in = None
    assert tab.run(f"{SIGN_IN}.catch(error => error.code)") == "not_logged_in"
    tab.wait(lambda: tab.heard("signed_out"))
    tab.until_anonymous()
    assert tab.run("tokenAsked").count("retry") == 0


def test_the_newest_wish_counts(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """An older one is told so, whatever still comes of it."""
    shop.then = ""
    ada, grace = (shop.site.token(who, name=who.capitalize()) for who in ("ada", "grace"))
    tab = open_tab()
    tab.until_anonymous()

    codes = tab.run(f"""Promise.all([
        tiledesk.signInWithCustomToken(() => new Promise(() => {{}})).catch(error => error.code),
        tiledesk.signInWithCustomToken({ada!r}).catch(error => error.code),
        tiledesk.signInWithCustomToken({grace!r}).then(visitor => visitor.name)])""")

    assert codes == ["superseded", "superseded", "Grace"]
    for useless in ("''", "'x'.repeat(9000)", "null"):
        code = tab.run(f"tiledesk.signInWithCustomToken({useless}).catch(error => error.code)")
        assert code in {"token_malformed", "token_too_large"}
    tab.until_connected()


@pytest.mark.parametrize("newer", ["malformed", "expired"])
def test_a_sign_in_that_was_given_up_signs_nobody_in(
    open_tab: Callable[..., Tab], shop: Shop, newer: str
) -> None:
    """A newer one has failed when it comes about after all: a new socket begins, as nobody's."""
    shop.then = ""
    good, useless = shop.site.token(name="Ada"), shop.site.token(lifetime=-900)
    if newer == "malformed":
        useless = ""
    tab = open_tab()
    tab.until_anonymous()
    worker = shop.site.system.processes["verification"]
    worker.pause()
    try:
        tab.run(f"void tiledesk.signInWithCustomToken({good!r})")
        tab.wait(tab.signed_in_with)
        tab.run(
            "void (window.failed ="
            f" tiledesk.signInWithCustomToken({useless!r}).catch((error) => error.code))"
        )
        tab.run("void (window.sent = tiledesk.send('Who am I?'))")
    finally:
        worker.resume()
    tab.wait(lambda: "signed_in" in [frame["type"] for frame in tab.told])
    tab.run("sent")

    assert tab.run("failed") == f"token_{newer}"
    tab.until_anonymous()
    [message] = shop.site.get(f"/visitors/{tab.run('tiledesk.visitor.id')}")["messages"]
    assert message["text"] == "Who am I?"
    tab.wait(lambda: [each["key_id"] for each in shop.site.get("/sessions")["items"]] == [None])


def test_a_sign_in_that_takes_long_keeps_its_socket(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Where workers are behind, coming back to the end of the line would help nobody."""
    shop.then = ""
    tab = open_tab(clock=True)
    tab.until_anonymous()
    worker = shop.site.system.processes["verification"]
    worker.pause()
    try:
        tab.run(f"void ({SIGN_IN})")
        tab.wait(tab.signed_in_with)
        tab.page.clock.fast_forward(9_000)
        tab.run("void dispatchEvent(new Event('offline'))")
        tab.wait(lambda: tab.told[-1]["type"] == "pong")
    finally:
        worker.resume()
    tab.until_signed_in()

    assert len(tab.urls) == 1


def test_nothing_connects_before_it_is_asked_to(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """With autoStart off; and without a project the SDK says what is missing."""
    shop.then, shop.settings = "", {"autoStart": False, "ui": False}
    tab = open_tab()
    assert tab.urls == []
    assert tab.run("[tiledesk.visitor, document.querySelector('tiledesk-chat')]") == [None, None]
    assert tab.run("tiledesk.signOut()") is None

    tab.run(SIGN_IN)
    tab.until_signed_in()
    assert tab.run("document.querySelector('tiledesk-chat')") is None
    shop.settings = {"projectid": ""}
    tab.page.reload()
    assert tab.run(f"{SIGN_IN}.catch(error => error.code)") == "not_configured"
