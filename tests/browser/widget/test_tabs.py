"""Several tabs of one browser, several browsers of one person, and browsers that keep nothing."""

from collections.abc import Callable

from tests.browser.widget.conftest import Tab
from tests.browser.widget.shop import Shop

WHO = "tiledesk.visitor?.id"
NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError"); }});
"""


def test_the_tabs_of_a_browser_agree(open_tab: Callable[..., Tab], shop: Shop) -> None:
    """They share an anonymous device; one signs in, the others follow by their own provider."""
    shop.then = "window.offered = () => tiledesk.signInWithCustomToken(fetchToken)"
    shop.logged_in = None
    first = open_tab()
    first.until_anonymous()
    second = open_tab(first)
    second.until_anonymous()
    assert first.run("tiledesk.visitor.id") == second.run("tiledesk.visitor.id")
    second.run("offered().catch(() => {})")

    shop.logged_in = "ada"
    first.run("offered()")
    second.until_signed_in()
    assert second.run("tokenAsked") == ["sign_in", "reconnect"]
    assert set(first.signed_in_with()).isdisjoint(second.signed_in_with())

    shop.logged_in = "grace"
    second.run("offered()")
    first.until_signed_in("Grace")
    person = first.run("tiledesk.visitor.id")
    first.run("tiledesk.signOut()")
    second.wait(lambda: second.heard("signed_out_elsewhere"))
    second.until_anonymous()
    second.until(f"tiledesk.visitor.id !== {person!r}")
    first.wait(lambda: first.run(WHO) == second.run(WHO))


def test_a_tab_with_a_text_goes_anonymous_when_another_person_signs_in(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Nobody else's token is there for it; the page is told that it needs one."""
    shop.then = ""
    first = open_tab()
    second = open_tab(first)
    ada, grace = (shop.site.token(who, name=who.capitalize()) for who in ("ada", "grace"))
    first.run(f"tiledesk.signInWithCustomToken({ada!r})")
    second.run(f"tiledesk.signInWithCustomToken({ada!r})")
    assert first.heard("signed_in_elsewhere") == []

    second.run(f"tiledesk.signInWithCustomToken({grace!r})")

    first.wait(lambda: first.heard("signed_in_elsewhere"))
    first.until_anonymous()
    assert {"type": "onTokenNeeded", "reason": "signed_in_elsewhere"} in first.heard(
        "onTokenNeeded"
    )
    second.until_signed_in("Grace")
    assert first.storage().find("eyJ") == -1


def test_a_tab_that_is_duplicated_has_a_device_of_its_own(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """The copy of what the first one keeps ends nothing of it; a reload finds its own again."""
    first = open_tab()
    first.until_signed_in()
    with first.page.expect_popup() as opened:
        first.run("void open(location.href)")
    opened.value.wait_for_load_state()
    Tab(opened.value).until_signed_in()

    first.run("tiledesk.send('still here')")
    assert len(first.urls) == 1

    device = first.own_device()
    first.page.reload()
    first.until_signed_in()
    assert first.named_in_hello() == device


def test_a_page_that_one_comes_back_to_has_its_device_still(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """While it is left, its device is in storage, for the next page of the tab; then no more."""
    tab = open_tab()
    tab.until_signed_in()
    device = tab.own_device()
    assert device not in tab.storage()
    tab.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert device in tab.storage()

    tab.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")

    assert device not in tab.storage()
    tab.wait(lambda: len(tab.signed_in_with()) == 2)
    tab.until_connected()
    assert tab.named_in_hello() == device


def test_two_browsers_of_one_person_are_one_visitor(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """What each wrote before it signed in is in one thread."""
    shop.then = ""
    tabs = [open_tab(), open_tab()]
    for number, tab in enumerate(tabs):
        tab.until_anonymous()
        tab.run(f"tiledesk.send('from browser {number}')")
    anonymous = {tab.run("tiledesk.visitor.id") for tab in tabs}
    assert len(anonymous) == 2

    ids = {tab.run("tiledesk.signInWithCustomToken(fetchToken)")["id"] for tab in tabs}

    [person] = ids
    thread = shop.site.get(f"/visitors/{person}")["messages"]
    assert {message["text"] for message in thread} == {"from browser 0", "from browser 1"}


def test_tabs_that_keep_nothing_beyond_themselves_are_strangers(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """With persistence `session` a reload finds its device again, another tab does not."""
    shop.then, shop.settings = "", {"persistence": "session"}
    first = open_tab()
    second = open_tab(first)
    for tab in (first, second):
        tab.until_anonymous()
    mine = first.run("tiledesk.visitor.id")
    assert mine != second.run("tiledesk.visitor.id")

    first.page.reload()
    first.until_anonymous()
    assert first.run("tiledesk.visitor.id") == mine
    assert first.run("localStorage.length") == 0
    second.run("tiledesk.signInWithCustomToken(fetchToken)")
    assert first.heard("onTokenNeeded") == []


def test_where_storage_is_blocked_memory_has_to_do(
    open_tab: Callable[..., Tab], shop: Shop
) -> None:
    """Signed in, out, and in again, without a word of complaint."""
    tab = open_tab()
    tab.page.add_init_script(NO_STORAGE)
    tab.page.reload()
    tab.until_signed_in()

    anonymous = tab.run("tiledesk.signOut()")
    assert not anonymous["authenticated"]
    tab.run("tiledesk.signInWithCustomToken(fetchToken)")
    tab.until_signed_in()
