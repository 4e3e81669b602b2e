"""Connections that end, and what the SDK does: by the table of close codes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.browser.widget.conftest import Tab
from tests.browser.widget.shop import Shop
from tests.servers.browser import Watch

ATTEMPTS = 5
LONG = bool(os.environ.get("WIDGET_AUTH_LONG_TESTS"))

# Its frame has no id, so the gateway's answer has none.
_SOMETHING_ELSE_SPEAKS = """void (() => {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    send.call(this, '{"type": "message"}');
    send.call(this, text);
  };
})()"""


def test_a_revoked_secret_disconnects_until_the_shop_has_the_new_one(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """4401: asked for a fresh token before coming back; refused ones are tried anew, by itself."""
    tab = open_tab()
    tab.until_signed_in()
    old_secret = shop.site.secret
    shop.site.regenerate()
    new_secret, shop.site.secret = shop.site.secret, old_secret

    tab.wait(lambda: tab.heard("secret_revoked"))
    [revoked] = tab.heard("secret_revoked")[:1]
    assert revoked["isLogged"] is False
    tab.wait(lambda: len(tab.signed_in_with()) >= 2)
    tab.until_anonymous()
    shop.site.secret = new_secret
    tab.until_signed_in()

    assert tab.run("tokenAsked").index("reconnect") == 1
    assert len(set(tab.signed_in_with())) == len(tab.signed_in_with())
    assert len(tab.urls) == 2


def test_a_visitor_with_the_new_secret_s_token_in_hand_is_nobody_else_in_between(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """4401: the page hears that the proof has ended, and then of the new one."""
    tab = open_tab()
    tab.until_signed_in()
    shop.site.regenerate()

    tab.wait(lambda: len(tab.heard("signed_in")) == 2)
    events = [state["event"] for state in tab.heard("onAuthStateChanged")]
    assert events == ["signed_in", "secret_revoked", "signed_in"]


def test_a_text_is_not_replayed_after_its_secret_was_revoked(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """4401: it goes anonymous, says so, and says that a token is needed."""
    shop.then = f"tiledesk.signInWithCustomToken({shop.site.token(name='Ada')!r})"
    tab = open_tab()
    tab.until_signed_in()
    shop.site.regenerate()

    tab.wait(lambda: tab.heard("secret_revoked"))
    tab.wait(lambda: len(tab.urls) == 2)
    tab.until_anonymous()
    assert tab.heard("onTokenNeeded") == [{"type": "onTokenNeeded", "reason": "secret_revoked"}]
    assert len(tab.signed_in_with()) == 1
    fresh = shop.site.token(name="Ada")
    assert tab.run(f"tiledesk.signInWithCustomToken({fresh!r})")["authenticated"]


def test_who_was_signed_out_by_an_operator_comes_back_by_a_fresh_token(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """4403: anonymous first, with nothing of the person's device; then the page is asked."""
    tab = open_tab()
    tab.until_signed_in()
    device = tab.own_device()
    with shop.site.system.admin(shop.site.api_key) as admin:
        path = f"/projects/{shop.site.project_id}/visitors/{tab.run('tiledesk.visitor.id')}"
        assert admin.post(f"{path}/sign_out").is_success

    tab.wait(lambda: tab.heard("signed_out_by_operator"))
    tab.wait(lambda: len(tab.urls) == 2)
    tab.until_signed_in()
    assert tab.named_in_hello() != device
    assert len(tab.heard("signed_in")) == 2


def test_a_restart_and_a_lost_network_cost_nothing_but_time(
    open_tab: Callable[..., Tab], shop: Shop, watch: Watch
) -> None:
    """1012, offline, online over a slow line: back with a fresh token, words stored once.

    Also those that had been sent already, and of which nobody had said that they were stored.
    """
    watch.expect("ERR_INTERNET_DISCONNECTED", "WebSocket connection to")
    tab = open_tab()
    tab.until_signed_in()
    with _gateway_restarted(shop, tab):
        tab.until("heard.some(each => each.reason === 'restarting')")
        tab.page.context.set_offline(offline=True)
    tab.run("void (window.sent = tiledesk.send('From the train'))")
    assert tab.run("tiledesk.visitor.authenticated")

    devtools = tab.page.context.new_cdp_session(tab.page)
    tab.page.context.set_offline(offline=False)
    slow = {"offline": False, "latency": 300, "downloadThroughput": 4000, "uploadThroughput": 2000}
    devtools.send("Network.emulateNetworkConditions", slow)
    tab.run("Promise.all([first, sent])")

    presented = tab.signed_in_with()
    assert len(set(presented)) == len(presented) >= 2
    thread = shop.site.get(f"/visitors/{tab.run('tiledesk.visitor.id')}")["messages"]
    said = ["From the platform", "From the train"]
    assert sorted(message["text"] for message in thread) == said
    assert [state["isLogged"] for state in tab.heard("onAuthStateChanged")] == [True]


def test_a_proof_is_renewed_before_it_ends(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """`reauthenticate`: a provider is asked and nobody notices; with a text the page is told."""
    _change(shop, {"token_policy": {"proof_seconds": 6}})
    tab, other = _with_provider_and_with_text(shop, open_tab)

    assert "reauthenticate" in tab.run("tokenAsked")
    assert other.heard("onTokenNeeded")[0]["reason"] == "proof_expiring"
    other.until_anonymous()
    assert [state["isLogged"] for state in tab.heard("onAuthStateChanged")] == [True]
    assert len(other.signed_in_with()) == 1
    assert len(tab.urls) == len(other.urls) == 1


def test_an_origin_that_is_not_allowed_is_kept_out(
    open_tab: Callable[..., Tab], shop: Shop, watch: Watch
) -> None:
    """It goes on trying, ever more slowly; on the list, it is let in."""
    watch.expect("Unexpected response code: 403")
    _change(shop, {"allowed_origins": ["https://shop.example"]})
    tab = open_tab()
    tab.wait(lambda: len(tab.urls) >= 3)
    assert tab.run("tiledesk.visitor") is None

    _change(shop, {"allowed_origins": ["https://shop.example", shop.url]})
    tab.until_signed_in()


def test_an_unknown_project_is_not_asked_for_again(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """4404: it stops, and whoever wants to be signed in is told why not."""
    shop.settings = {"projectid": "00000000-0000-7000-8000-000000000000"}
    shop.then = "window.failed = tiledesk.signInWithCustomToken(fetchToken).catch(e => e.code)"
    tab = open_tab()
    assert tab.run("failed") == "unknown_project"
    tab.page.wait_for_timeout(300)
    assert len(tab.urls) == 1
    assert tab.heard("onConnectionChanged")[-1]["state"] == "stopped"


def test_nothing_is_waited_for_once_it_has_stopped(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Neither the sign-out nor the words of a page that was still connecting, nor later words."""
    shop.settings = {"projectid": "00000000-0000-7000-8000-000000000000"}
    shop.then = """
        window.settled = [];
        const tell = (what) => settled.push(what);
        tiledesk.start();
        tiledesk.signOut().then(tell);
        tiledesk.send("Anybody?").catch(({code}) => tell(code));"""
    tab = open_tab()
    tab.until("heard.some(each => each.state === 'stopped')")

    tab.run("void tiledesk.send('Anybody?').catch(({code}) => settled.push(code))")
    tab.until("settled.length === 3")
    assert sorted(tab.run("settled"), key=str) == [None, "unknown_project", "unknown_project"]


def test_an_error_that_answers_nothing_of_the_sdk_s_is_passed_over(
    open_tab: Callable[..., Tab],
) -> None:
    """As where something else in the page speaks over its socket: no exception reaches the page."""
    tab = open_tab()
    tab.until_signed_in()
    tab.run(_SOMETHING_ELSE_SPEAKS)

    tab.run("tiledesk.send('Still here')")

    errors = [frame for frame in tab.told if frame["type"] == "error"]
    assert errors
    assert "id" not in errors[0]


def test_a_gateway_that_never_welcomes_is_left(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """A connection that nobody answers is given up, and another is tried."""
    shop.then, shop.settings = "", {"autoStart": False}
    tab = open_tab()
    tab.page.clock.install()
    web = shop.site.system.processes["web"]
    web.pause()
    try:
        tab.run("tiledesk.start()")
        tab.page.clock.fast_forward(16_000)
        tab.until("heard.some(each => each.reason === 'silent')")
    finally:
        web.resume()
    tab.until_connected()


@pytest.mark.skipif(not LONG, reason="takes ten seconds; set WIDGET_AUTH_LONG_TESTS=1")
def test_a_gateway_that_falls_silent_is_left(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """Asked whether it lives, it says nothing: the widget tries again and is back once it can."""
    tab = open_tab()
    tab.until_signed_in()
    web = shop.site.system.processes["web"]
    web.pause()
    try:
        tab.run("void dispatchEvent(new Event('offline'))")
        tab.until("heard.some(each => each.reason === 'silent')")
    finally:
        web.resume()
    tab.wait(lambda: len(tab.signed_in_with()) >= 2)
    tab.until_signed_in()
    tab.until_connected()


def _with_provider_and_with_text(shop: Shop, open_tab: Callable[..., Tab]) -> tuple[Tab, Tab]:
    """The first proof of both has come to its end. One second is enough on all but bad days."""
    provider, text = shop.then, f"tiledesk.signInWithCustomToken({shop.site.token(name='Ada')!r})"
    for _ in range(ATTEMPTS):
        tabs = []
        for shop.then in (provider, text):
            tabs.append(open_tab())
            tabs[-1].until_signed_in()
        tab, other = tabs
        tab.wait(lambda tab=tab: len(tab.signed_in_with()) >= 2)
        other.wait(lambda other=other: other.heard("proof_ended") or len(other.urls) > 1)
        if len(tab.urls) == len(other.urls) == 1 and not tab.heard("proof_ended"):
            break
    return tab, other


@contextmanager
def _gateway_restarted(shop: Shop, tab: Tab) -> Iterator[None]:
    """It has stopped, when words had been sent and nobody could say `sent`; then it is back."""
    system = shop.site.system
    worker = system.processes["verification"]
    worker.pause()
    try:
        tab.run("void (window.first = tiledesk.send('From the platform'))")
        tab.wait(lambda: "message" in [frame["type"] for frame in tab.said])
        system.processes["web"].stop()
        worker.resume()
        yield
    finally:
        worker.resume()
        system.restart("web")


def _change(shop: Shop, changes: dict[str, object]) -> None:
    with shop.site.system.admin(shop.site.api_key) as admin:
        answer = admin.patch(f"/projects/{shop.site.project_id}", json=changes)
    assert answer.status_code == 200, answer.text
