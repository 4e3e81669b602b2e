"""The inbox: conversations live, the checkmark in its states, and answers that arrive."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate, mint
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.conversations import hear, sign_in, talk, write
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.steps import follow
from tests.servers.browser import Open, Watch

HOSTILE = (
    '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>{{ 7 * 7 }}',
    "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0001f469\u200d\U0001f680" * 8 + " " + "x" * 3_950,
)


def conversation(page: Page, name: str) -> Locator:
    """A line of the list."""
    return page.locator(".conversation").filter(has_text=name)


def message(page: Page, text: str) -> Locator:
    """A message of the open thread."""
    return page.locator(".message").filter(has_text=text)


def set_hidden(page: Page, *, hidden: bool) -> None:
    """The tab has come to the front of another, or gone behind it: Playwright shows every one."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def mark_on(place: Locator, state: str) -> Locator:
    """The avatar, if its mark is in that state."""
    return place.locator(f".avatar[data-mark={state}]")


def test_words_appear_by_themselves_and_answers_arrive(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """From the first one in an empty inbox; what is being typed stays; new ones have a dot."""
    page = sign_in_as(Role.AGENT, project_id)
    page.goto(f"/projects/{project_id}/inbox")
    expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible()
    with connected(dashboard, project_id) as widget, connected(dashboard, project_id) as other:
        write(widget, "Is anybody there?")
        line = conversation(page, "Is anybody there?")
        expect(line.locator(".unread")).to_be_visible()
        expect(page).to_have_title(re.compile(r"^\(1\) Inbox"))

        follow(line.get_by_role("link"))
        expect(page).to_have_title(re.compile("^Inbox"))
        answer = page.get_by_label("Your answer")
        page.get_by_label("As", exact=True).fill("Grace")
        answer.fill("One mom")
        write(widget, "Hello?")
        expect(message(page, "Hello?")).to_be_visible()
        expect(answer).to_have_value("One mom")
        answer.press_sequentially("ent.")
        page.keyboard.press("Enter")

        heard = hear(widget, "message")
        assert (heard["text"], heard["from"]) == ("One moment.", {"name": "Grace"})
        expect(message(page, "One moment.")).to_have_class(re.compile("message-ours"))
        expect(answer).to_have_value("")
        write(other, "Me too")
        expect(conversation(page, "Me too").locator(".unread")).to_be_visible()
        expect(page.locator(".conversation .unread:visible")).to_have_count(1)


def test_more_tabs_than_a_browser_has_connections(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """None of them waits for another; those without a stream ask now and then."""
    watch.expect("429 (Too Many Requests)")
    tabs = [sign_in_as(Role.AGENT, project_id)]
    tabs += [tabs[0].context.new_page() for _ in range(6)]
    tabs[-1].clock.install()
    for tab in tabs[:-1]:
        tab.goto(f"/projects/{project_id}/inbox")
        expect(tab.get_by_role("heading", name="No conversation yet")).to_be_visible()
    with tabs[-1].expect_response("**/changes") as stream:
        tabs[-1].goto(f"/projects/{project_id}/inbox")
    expect(tabs[-1].get_by_role("heading", name="No conversation yet")).to_be_visible()
    assert stream.value.status == 429
    with connected(dashboard, project_id) as widget:
        write(widget, "Is anybody there?")
        expect(conversation(tabs[0], "Is anybody there?")).to_be_visible()
        tabs[-1].clock.fast_forward("15")
        expect(conversation(tabs[-1], "Is anybody there?")).to_be_visible()


def test_a_hidden_tab_holds_no_stream_and_counts_all_the_same(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """What it fetches by itself is no use of the sign-in; once it is seen it is told at once."""
    page = sign_in_as(Role.AGENT, project_id)
    page.clock.install()
    with page.expect_request("**/changes"):
        page.goto(f"/projects/{project_id}/inbox")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/changes")):
        set_hidden(page, hidden=True)
    with connected(dashboard, project_id) as widget:
        write(widget, "Is anybody there?")
        with page.expect_request("**/inbox") as fetched:
            page.clock.fast_forward("15")
        assert fetched.value.headers["x-unattended"] == "1"
        expect(page).to_have_title(re.compile(r"^\(1\) Inbox"))
        set_hidden(page, hidden=False)
        write(widget, "Hello?")
        expect(conversation(page, "Hello?")).to_be_visible()


def test_no_agent_is_called_by_an_address_or_by_anothers_name(
    open_browser: Open, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Who empties the name is called by their own; a name stays with the account that chose it."""
    context = open_browser(base_url=dashboard.url)
    page = context.new_page()
    with connected(dashboard, project_id) as widget:
        write(widget, "Who is there?")
        for email, chosen, told in (
            ("alan.t@example.com", "The librarian", "The librarian"),
            ("grace.h@example.com", "", "Grace H"),
            ("grace.h@example.com", None, "Grace H"),
        ):
            if chosen is not None:
                member = dashboard.member(Role.AGENT, project_id, email)
                context.add_cookies([dashboard.cookie(member)])
            page.goto(f"/projects/{project_id}/inbox")
            follow(page.locator(".conversation").get_by_role("link"))
            name = page.get_by_label("As", exact=True)
            expect(name).to_have_value(told if not chosen else "Alan T")
            if chosen is not None:
                name.fill(chosen)
            page.get_by_label("Your answer").fill("Good morning.")
            page.keyboard.press("Enter")
            assert hear(widget, "message")["from"] == {"name": told}
            expect(name).to_have_value(told)


def test_nothing_moves_under_the_pointer(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Who points at a conversation opens that one; once the pointer has left, the latest leads."""
    page = sign_in_as(Role.AGENT, project_id)
    page.clock.install()
    names = page.locator(".conversation-preview")
    with connected(dashboard, project_id) as one, connected(dashboard, project_id) as two:
        write(one, "First")
        write(two, "Second")
        page.goto(f"/projects/{project_id}/inbox")
        expect(names).to_have_text(["Second", "First"])
        page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # the pointer never rests
        conversation(page, "Second").hover()
        write(one, "Third")
        expect(names).to_have_text(["Second", "Third"])
        page.get_by_role("heading", name="Inbox").hover()
        expect(names).to_have_text(["Third", "Second"])


def test_the_mark_has_three_states(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """None, verified, and grey from the regenerate on; all of it without reloading."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    with connected(dashboard, project_id) as widget:
        write(widget, "Not known yet")
        page.goto(f"/projects/{project_id}/inbox")
        follow(conversation(page, "Not known yet").get_by_role("link"))
        head, line = page.locator(".thread-head"), conversation(page, "Not known yet")
        expect(head.locator("[data-mark]")).to_have_count(0)
        expect(page.get_by_text("Not signed in")).to_be_visible()

        sign_in(widget, mint(secret, "customer-1815", name="Ada Lovelace", email="a@example.com"))
        expect(mark_on(head, "verified")).to_be_visible()
        expect(mark_on(conversation(page, "Ada Lovelace"), "verified")).to_be_visible()
        write(widget, "Now I am known")
        expect(message(page, "Now I am known")).to_contain_text("Verified when sent")
        expect(message(page, "Not known yet")).to_contain_text("Not verified")
        expect(message(page, "Not known yet").locator(".message-from")).to_contain_text("Visitor")
        told = re.compile(
            r"^Verified as customer-1815 since .* CES?T"
            rf" by Secret 1 \(ending in {secret[-4:]}, made .*\)\.$"
        )
        mark = head.get_by_role("button", name="Verified")
        expect(mark).to_have_accessible_description(told)
        tip = page.get_by_role("tooltip").filter(has_text="customer-1815")
        expect(head.locator(".mark-tip")).to_be_hidden()
        mark.hover()
        expect(head.locator(".mark-tip")).to_be_visible()
        page.get_by_role("heading", name="Inbox").hover()
        expect(head.locator(".mark-tip")).to_be_hidden()
        tab_to(page, mark)
        expect(tip.first).to_have_text(told)
        expect(head.locator(".mark-tip")).to_be_visible()

        generate(dashboard, project_id)
        assert widget.close_reason()[0] == 4401
    expect(mark_on(head, "grey")).to_be_visible()
    grey = head.get_by_role("button", name="No longer verified")
    expect(grey).to_be_focused()
    expect(grey).to_have_accessible_description(re.compile(r"; then that key was revoked\.$"))
    revoked = re.compile(r"Verified when sent, by a key revoked on \d+ \w+ \d+, \d\d:\d\d CES?T")
    expect(message(page, "Now I am known")).to_contain_text(revoked)
    expect(mark_on(line, "verified")).to_have_count(0)


def test_hostile_words_are_inert(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Markup, directions and long words are text in the list, in the thread and on the page."""
    secret = generate(dashboard, project_id)["secret"]
    name = "<b onmouseover=alert(1)>\u05e2\u05d3\u05d4</b>"
    with connected(dashboard, project_id) as widget:
        visitor = sign_in(widget, mint(secret, '"><script>', name=name, email="a@example.com"))
        for text in HOSTILE:
            write(widget, text)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    for path in (f"inbox/{visitor}", f"visitors/{visitor}"):
        page.goto(f"/projects/{project_id}/{path}")
        found = [each.inner_text() for each in page.locator(".message-text").all()]
        assert found == list(HOSTILE)
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img, main b[onmouseover], main script").count() == 0
        expect(page.get_by_text(name).first).to_be_visible()
        check_fits(page)
        directions = page.locator(".message-text").evaluate_all(
            "all => all.map(e => getComputedStyle(e).unicodeBidi)"
        )
        assert set(directions) <= {"isolate", "plaintext", "isolate-override"}


def test_a_phone_shows_one_thing_at_a_time(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The list, a conversation, and back; nothing wider than the screen, in both colours."""
    talk(dashboard, project_id)
    page = sign_in_as(Role.AGENT, project_id, viewport={"width": 320, "height": 640})
    page.goto(f"/projects/{project_id}/inbox")
    expect(page.locator(".thread")).to_be_hidden()
    heading = page.get_by_role("heading", name="Inbox").bounding_box()
    assert heading
    assert heading["y"] < 180, "a gap below the sections"
    check_accessible_in_both(page)
    check_fits(page)

    follow(conversation(page, "Ada Lovelace").get_by_role("link"))
    expect(page.get_by_label("Your answer")).to_be_visible()
    expect(page.locator(".conversations")).to_be_hidden()
    last = message(page, "until tomorrow")
    expect(last).to_be_in_viewport()
    check_accessible_in_both(page)
    check_fits(page)
    page.get_by_role("link", name="All conversations").click()
    expect(page.locator(".thread")).to_be_hidden()


def test_the_inbox_is_used_by_keyboard(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """From the list to an answer, without a pointer; on a desktop, in both colours."""
    talk(dashboard, project_id)
    page = sign_in_as(Role.AGENT, project_id)
    page.goto(f"/projects/{project_id}/inbox")
    tab_to(page, conversation(page, "Blaise Pascal").get_by_role("link"))
    expect(conversation(page, "Blaise Pascal").get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Blaise Pascal")).to_be_visible()
    check_accessible_in_both(page)

    tab_to(page, page.get_by_role("log"))
    tab_to(page, page.get_by_label("Your answer"))
    page.keyboard.type("By keyboard")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("alone")
    page.keyboard.press("Enter")
    expect(message(page, "By keyboard")).to_contain_text("alone")
    expect(page.get_by_label("Your answer")).to_be_focused()


def test_who_is_signed_out_sees_no_more(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """The page that is open leads to the sign-in page by itself, and nothing new was on it."""
    watch.expect("EventSource's response has a MIME type")
    page = sign_in_as(Role.AGENT, project_id)
    page.goto(f"/projects/{project_id}/inbox")
    expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible()
    elsewhere = page.context.new_page()
    elsewhere.goto("/account")
    elsewhere.get_by_label("Your account").click()
    elsewhere.get_by_role("button", name="Sign out", exact=True).click()

    expect(page).to_have_url(re.compile("/sign-in"))
