"""Signing out by the SDK: whoever comes next gets nothing of whoever left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.browser.widget.conftest import SIGN_IN, Tab
from tests.browser.widget.shop import Shop
from tests.servers.browser import Watch
from tests.waiting import wait_until

# The page stands still until its shop answers; what comes over the socket is heard after that.
_OVERTAKEN = """void (async () => {{
  tiledesk.signInWithCustomToken({token!r});
  await new Promise((later) => setTimeout(later));
  const request = new XMLHttpRequest();
  request.open("POST", "/token", false);
  request.send();
  tiledesk.signOut();
}})()"""

_SPEAK_ONCE_TOLD = """void tiledesk.on("onAuthStateChanged", ({detail}) => {
  if (detail.event.startsWith("signed_out")) window.sent = tiledesk.send("Is anybody there?");
})"""


def test_signing_out_clears_the_identity(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """A new device, a new and empty visitor; the old device is kept nowhere."""
    tab = open_tab()
    tab.until_signed_in()
    person = tab.run("tiledesk.visitor.id")
    device = tab.own_device()

    left = tab.run("tiledesk.signOut()")

    assert left == {"id": left["id"], "authenticated": False}
    assert left["id"] != person
    assert device not in tab.storage()
    assert [state["event"] for state in tab.heard("onAuthStateChanged")] == [
        "signed_in",
        "signed_out",
        "anonymous",
    ]
    tab.page.reload()
    tab.until_signed_in()
    assert tab.named_in_hello() != device
    shop.logged_in = "grace"
    tab.run(SIGN_IN)
    tab.until_signed_in("Grace")
    assert tab.run("tiledesk.visitor.id") != person


def test_a_page_that_signs_out_before_it_connects_does_not_take_the_device_over(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """What lies in storage from the tab's last page is gone, and the next visitor a stranger."""
    tab = open_tab()
    tab.until_signed_in()
    device = tab.own_device()
    shop.then = "tiledesk.signOut()"

    tab.page.reload()
    tab.until_anonymous()

    assert tab.named_in_hello() is None
    assert device not in tab.storage()


@pytest.mark.parametrize("comes_next", [None, "Grace"])
def test_what_is_meant_for_whoever_signs_out_does_not_reach_the_page(
    open_tab: Callable[..., Tab], shop: Shop, comes_next: str | None
) -> None:
    """An agent's words that were on their way, as long as the gateway has not answered."""
    tab = open_tab()
    tab.until_signed_in()
    thread = f"/projects/{shop.site.project_id}/visitors/{tab.run('tiledesk.visitor.id')}/messages"
    with _signing_out(tab, shop, comes_next, kept_waiting_by="verification"):
        with shop.site.system.admin(shop.site.api_key) as admin:
            assert admin.post(thread, json={"text": "Dear Ada"}).is_success
        tab.wait(lambda: "message" in [frame["type"] for frame in tab.told])
    tab.wait(lambda: "signed_out" in [frame["type"] for frame in tab.told])
    if comes_next:
        tab.until_signed_in(comes_next)
    else:
        tab.until_anonymous()

    assert tab.heard("onMessage") == []


def test_a_sign_out_that_is_not_answered_is_another_connection(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """After a while, also for somebody who signs in meanwhile; the leaver's device is not named."""
    tab = open_tab()
    tab.until_signed_in()
    tab.page.clock.install()
    with _signing_out(tab, shop, "Grace", kept_waiting_by="web"):
        tab.page.clock.fast_forward(9_000)
        tab.wait(lambda: len(tab.urls) == 2)
    tab.until_signed_in("Grace")

    assert tab.named_in_hello() is None
    assert len(tab.signed_in_with()) == 2


def test_a_page_that_is_left_while_it_signs_out_hands_no_device_on(
    open_tab: Callable[..., Tab], shop: Shop, watch: Watch
) -> None:
    """Also if it heard only then that the sign-in, which was quicker, has brought one."""
    watch.expect("Synchronous XMLHttpRequest")
    shop.then, shop.answer_token = "", _answer_once_signed_in
    tab = open_tab()
    tab.until_anonymous()
    try:
        tab.run(_OVERTAKEN.format(token=shop.site.token(name="Ada")))
        tab.wait(lambda: "signed_in" in [frame["type"] for frame in tab.told])
        tab.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    finally:
        shop.site.system.processes["verification"].resume()

    assert tab.own_device() not in tab.storage()
    tab.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    tab.wait(lambda: len(tab.urls) == 2)
    tab.until_anonymous()
    assert tab.named_in_hello() is None


def test_words_after_a_sign_out_wait_for_its_answer(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """They are nobody's, and so is what both promises give to a page that signs out twice."""
    tab = open_tab()
    tab.until_signed_in()
    with _signing_out(tab, shop, None, kept_waiting_by="verification"):
        tab.run("void (window.again = tiledesk.signOut())")
        tab.run("void (window.sent = tiledesk.send('Is anybody there?'))")
        tab.run("void dispatchEvent(new Event('offline'))")
        tab.wait(lambda: tab.said[-1]["type"] == "ping")
        assert "message" not in [frame["type"] for frame in tab.said]
    tab.run("sent")

    nobody = tab.run("tiledesk.visitor")
    assert tab.run("Promise.all([left, again])") == [nobody, nobody]
    assert [frame["type"] for frame in tab.said].count("sign_out") == 1
    [message] = shop.site.get(f"/visitors/{nobody['id']}")["messages"]
    assert message["text"] == "Is anybody there?"


@pytest.mark.parametrize("by", ["a call", "a provider", "another tab"])
def test_what_a_page_says_once_it_is_told_of_a_sign_out_is_nobodys(
    open_tab: Callable[..., Tab], shop: Shop, by: str
) -> None:
    """Also if a provider gave null, or the visitor left in another tab."""
    tab = other = open_tab()
    tab.until_signed_in()
    tab.run(_SPEAK_ONCE_TOLD)
    if by == "another tab":
        other = open_tab(tab)
        other.until_signed_in()
    person = tab.run("tiledesk.visitor.id")
    shop.logged_in = None
    other.run(f"void {SIGN_IN}.catch(() => {{}})" if by == "a provider" else "tiledesk.signOut()")
    tab.until("window.sent")

    # Two tabs that have left change devices once more, so as to share one, and may not learn it.
    settled = tab.run("sent.catch((error) => error.code)")
    assert settled != "unconfirmed" or other is not tab
    tab.until_anonymous()
    assert tab.run("tiledesk.visitor.id") != person
    assert shop.site.get(f"/visitors/{person}")["messages"] == []


@pytest.mark.parametrize("kept_waiting_by", ["verification", "web"])
def test_a_sign_out_that_a_provider_began_gives_its_visitor_to_a_later_call(
    open_tab: Callable[..., Tab], shop: Shop, kept_waiting_by: str
) -> None:
    """Whoever comes after it, also where another connection has to bring that about."""
    tab = open_tab()
    tab.until_signed_in()
    tab.page.clock.install()
    shop.logged_in = None
    process = shop.site.system.processes[kept_waiting_by]
    process.pause()
    try:
        tab.run(f"{SIGN_IN}.catch(() => {{}})")
        tab.wait(lambda: "sign_out" in [frame["type"] for frame in tab.said])
        if kept_waiting_by == "web":
            tab.page.clock.fast_forward(9_000)
            tab.wait(lambda: len(tab.urls) == 2)
        tab.run("void (window.left = tiledesk.signOut())")
    finally:
        process.resume()
    tab.wait(lambda: tab.heard("anonymous"))

    assert tab.run("left") == tab.run("tiledesk.visitor")


def test_a_page_that_has_signed_out_is_not_asked_for_a_token(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Its secret is revoked before the gateway has answered: that is nobody's business here."""
    shop.then = f"tiledesk.signInWithCustomToken({shop.site.token(name='Ada')!r})"
    tab = open_tab()
    tab.until_signed_in()
    with _signing_out(tab, shop, None, kept_waiting_by="verification"):
        shop.site.regenerate()
        tab.until("heard.some(each => each.state === 'waiting')")

    assert tab.heard("onTokenNeeded") == []
    events = [state["event"] for state in tab.heard("onAuthStateChanged")]
    assert events == ["signed_in", "signed_out"]


def _answer_once_signed_in(shop: Shop) -> tuple[int, str]:
    """By then the gateway has said so, and no worker will sign anybody out."""
    wait_until(lambda: any(each["key_id"] for each in shop.site.get("/sessions")["items"]))
    shop.site.system.processes["verification"].pause()
    return shop.fresh_token()


@contextmanager
def _signing_out(
    tab: Tab, shop: Shop, comes_next: str | None, *, kept_waiting_by: str
) -> Iterator[None]:
    """The visitor has left and the next one offered a token, and nobody says so."""
    process = shop.site.system.processes[kept_waiting_by]
    process.pause()
    try:
        tab.run("void (window.left = tiledesk.signOut())")
        if comes_next:
            token = shop.site.token(comes_next.lower(), name=comes_next)
            tab.run(f"void tiledesk.signInWithCustomToken({token!r})")
        tab.wait(lambda: "sign_out" in [frame["type"] for frame in tab.said])
        yield
    finally:
        process.resume()
