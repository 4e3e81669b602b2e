"""Somebody signs in to the dashboard, looks around, and signs out."""

import re

from playwright.sync_api import Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import PASSWORD, Dashboard
from tests.servers.browser import Open, Watch

REFUSED = "the server responded with a status of 401"


def enter(page: Page, email: str, password: str) -> None:
    """The form is filled in and sent, by keyboard."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_member_signs_in_and_is_where_they_wanted_to_be(
    dashboard: Dashboard, project_id: ProjectId, page: Page
) -> None:
    """Whoever asks for a page without being signed in gets to it afterwards."""
    member = dashboard.member(Role.ADMINISTRATOR, project_id)

    page.goto(f"{dashboard.url}/account")
    expect(page).to_have_url(f"{dashboard.url}/sign-in?next=/account")
    enter(page, member.email, PASSWORD)

    expect(page).to_have_url(f"{dashboard.url}/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    assert page.evaluate("document.cookie") == ""


def test_a_wrong_password_and_an_unknown_address_are_told_alike(
    dashboard: Dashboard, project_id: ProjectId, page: Page, watch: Watch
) -> None:
    """One sentence for both; the address stays, the password does not."""
    watch.expect(REFUSED)
    member = dashboard.member(Role.AGENT, project_id)
    told = []

    for email in (member.email, "nobody@example.com"):
        page.goto(f"{dashboard.url}/sign-in")
        enter(page, email, "not the password")
        told.append(page.get_by_role("alert").inner_text())
        expect(page.get_by_label("E-mail address")).to_have_value(email)
        expect(page.get_by_label("Password")).to_have_value("")

    assert told == ["The e-mail address or the password is not right."] * 2


def test_signing_out_ends_it(sign_in_as: SignInAs, dashboard: Dashboard) -> None:
    """The way back shows nothing either."""
    page = sign_in_as(Role.OWNER)
    page.goto("/account")

    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_url(f"{dashboard.url}/sign-in")
    page.go_back()

    expect(page).to_have_url(re.compile("/sign-in"))


def test_signing_out_everywhere_ends_all_browsers(dashboard: Dashboard, open_browser: Open) -> None:
    """Asked first, told afterwards; the other browser's next page is the sign-in page."""
    member = dashboard.member(Role.OWNER)
    here, there = (open_browser(base_url=dashboard.url) for _ in range(2))
    for context in (here, there):
        context.add_cookies([dashboard.cookie(member)])
    page, other = here.new_page(), there.new_page()
    page.goto("/account")
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()

    expect(page.get_by_role("status").first).to_have_text("You have been signed out everywhere.")
    other.goto("/account")
    expect(other).to_have_url(re.compile("/sign-in"))


def test_a_changed_password_keeps_this_browser_and_ends_the_others(
    dashboard: Dashboard, open_browser: Open
) -> None:
    """The cookie is another one afterwards."""
    member = dashboard.member(Role.OWNER)
    here, there = (open_browser(base_url=dashboard.url) for _ in range(2))
    for context in (here, there):
        context.add_cookies([dashboard.cookie(member)])
    page, other = here.new_page(), there.new_page()
    page.goto("/account")
    [before] = here.cookies()

    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another quiet place")
    page.get_by_label("New password once more").fill("another quiet place")
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    [after] = here.cookies()
    assert after["value"] != before["value"]
    other.goto("/account")
    expect(other).to_have_url(re.compile("/sign-in"))


def test_an_owner_makes_a_project_by_keyboard(sign_in_as: SignInAs, project_id: ProjectId) -> None:
    """Name, zone, Enter: and one is in it."""
    page = sign_in_as(Role.OWNER)
    page.goto("/")

    page.locator(".tile").last.focus()  # other tests have made many
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.type("Corner Bakery")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Corner Bakery has been created.")).to_be_visible()
    expect(page).to_have_url(re.compile("/projects/[0-9a-f-]{36}"))
    page.reload()
    expect(page.get_by_text("has been created.")).to_have_count(0)


def test_who_has_one_project_is_in_it_at_once(
    open_browser: Open, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Home is the project, whatever one's role in it; others do not exist."""
    context = open_browser(base_url=dashboard.url)
    page = context.new_page()
    for role in (Role.ADMINISTRATOR, Role.OPERATOR, Role.AGENT):
        context.add_cookies([dashboard.cookie(dashboard.member(role, project_id))])
        page.goto("/")

        expect(page).to_have_url(re.compile(f"/projects/{project_id}"))
        expect(page.get_by_role("link", name="All projects", exact=True)).to_have_count(0)


def test_colours_are_as_chosen_and_stay_so(sign_in_as: SignInAs) -> None:
    """By the system's choice until somebody chooses; kept in the browser."""
    page = sign_in_as(Role.OWNER, color_scheme="dark")
    page.goto("/account")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")

    page.get_by_role("main").get_by_role("button", name="Light").click()
    page.reload()

    expect(root).to_have_attribute("data-theme", "light")
    light = page.get_by_role("main").get_by_role("button", name="Light")
    expect(light).to_have_attribute("aria-pressed", "true")


def test_the_pages_are_for_everybody(
    dashboard: Dashboard, sign_in_as: SignInAs, page: Page
) -> None:
    """No serious finding in either set of colours, and no scrolling sideways on a small screen."""
    page.goto(f"{dashboard.url}/sign-in")
    check_accessible_in_both(page)
    check_fits(page)

    signed_in = sign_in_as(Role.OWNER)
    for path in ("/", "/account"):
        signed_in.set_viewport_size({"width": 1280, "height": 800})
        signed_in.goto(path)
        check_accessible_in_both(signed_in)
        check_fits(signed_in)


def test_menus_and_dialogs_work_by_keyboard(sign_in_as: SignInAs) -> None:
    """Esc closes what Enter opened, and the focus is where it was."""
    page = sign_in_as(Role.OWNER)
    page.goto("/account")
    menu = page.get_by_label("Your account")
    tab_to(page, menu)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_hidden()
    assert menu.evaluate("element => element === document.activeElement")

    opener = page.get_by_role("button", name="Sign out everywhere")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert opener.evaluate("element => element === document.activeElement")


def test_what_does_not_exist_is_told_as_a_page(sign_in_as: SignInAs, watch: Watch) -> None:
    """With the way back to what does."""
    watch.expect("the server responded with a status of 404")
    page = sign_in_as(Role.OWNER)

    page.goto("/no/such/page")

    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.get_by_role("link", name="To your projects").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
