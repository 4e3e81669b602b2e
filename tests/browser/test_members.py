"""Somebody is invited, joins, and is removed; an API key is made, seen once, and revoked."""

import re

from playwright.sync_api import Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import PASSWORD, Dashboard
from tests.browser.steps import follow
from tests.servers.browser import Open, Watch

KEPT = (
    "() => JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])"
)

HISTORY = "() => navigation.entries().map(entry => entry.url).join()"


def invite(page: Page, project_id: ProjectId, email: str, role: str) -> str:
    """The link, as the page shows it one time."""
    page.goto(f"/projects/{project_id}/members")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label(role).check()
    follow(page.get_by_role("button", name="Make the link"))
    expect(page.get_by_role("heading", name="The invitation")).to_be_visible()
    return page.locator("#secret").inner_text()


def join(page: Page, password: str) -> None:
    """The password is chosen, by keyboard."""
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password once more").fill(password)
    page.keyboard.press("Enter")


def test_somebody_is_invited_joins_and_is_removed(
    sign_in_as: SignInAs, open_browser: Open, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """In a browser of their own, in the role they were given, until they are removed."""
    email = f"grace-{project_id[-6:]}@example.com"
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    link = invite(page, project_id, email, "Operator")
    token = link.partition("#")[2]
    page.get_by_role("link", name="I have sent it").click()
    expect(page.get_by_role("heading", name="Invited")).to_be_visible()
    assert token not in page.content()

    other = open_browser(base_url=dashboard.url).new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    other.goto(link)
    expect(other.get_by_role("heading", name="Join Riverside Books")).to_be_visible()
    expect(other.get_by_label("E-mail address")).to_have_value(email)
    assert token not in other.url
    join(other, PASSWORD)

    expect(other.get_by_text(f"From now on you sign in as {email}.")).to_be_visible()
    sections = other.get_by_role("navigation", name="Sections")
    expect(sections.get_by_role("link", name="Rotations")).to_be_visible()
    expect(sections.get_by_role("link", name="Visitor authentication")).to_have_count(0)
    assert not [each for each in asked if token in each]
    assert token not in other.evaluate(KEPT) + other.evaluate(HISTORY)

    page.reload()
    row = page.get_by_role("row").filter(has_text=email)
    expect(row).to_contain_text("Operator")
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("is not a member any more")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=email)).to_have_count(0)
    sections.get_by_role("link", name="Rotations").click()
    expect(other).to_have_url(re.compile("/sign-in"))


def test_a_link_that_is_over_or_not_whole_says_so(
    dashboard: Dashboard, page: Page, watch: Watch
) -> None:
    """With what to do; a whole one pasted into the same page is opened."""
    watch.expect("the server responded with a status of 409")

    page.goto(f"{dashboard.url}/invitation")
    expect(page.get_by_text("This link is not whole.")).to_be_visible()
    check_accessible_in_both(page)
    page.goto(f"{dashboard.url}/invitation#{'x' * 43}")

    expect(page.get_by_role("heading", name="Nothing to accept")).to_be_visible()
    check_accessible_in_both(page)
    check_fits(page)


def test_an_api_key_is_seen_once_and_is_nowhere_again(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Not behind the back button, in the page, or in what the browser keeps; revoked it is dead."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/api-keys")
    page.get_by_label("Name").fill("Nightly report")
    page.get_by_label("Operator").check()
    follow(page.get_by_role("button", name="Make the key"))
    expect(page.get_by_role("heading", name="The new API key")).to_be_visible()
    key = page.locator("#secret").inner_text()
    with dashboard.system.admin(key) as program:
        assert program.get(f"/projects/{project_id}/rotations").status_code == 200
    check_accessible_in_both(page)
    check_fits(page)

    page.reload()
    expect(page.get_by_role("heading", name="Every key")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Nightly report")
    expect(row).to_contain_text(key[-4:])
    assert key not in page.content() + page.evaluate(KEPT)
    expect(row).to_have_count(1)
    page.get_by_role("link", name="Overview").click()
    page.go_back()
    expect(page.get_by_role("heading", name="Every key")).to_be_visible()
    assert key not in page.content() + page.evaluate(KEPT)

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("The key is revoked")).to_be_visible()
    expect(row).to_contain_text("revoked")
    with dashboard.system.admin(key) as program:
        assert program.get(f"/projects/{project_id}/rotations").status_code == 401


def test_people_are_looked_after_by_keyboard_alone(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """On a small screen, in both sets of colours; what is wrong is told beside its field."""
    watch.expect("the server responded with a status of 409")
    agent = dashboard.member(Role.AGENT, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id, viewport={"width": 320, "height": 640})
    page.goto(f"/projects/{project_id}/members")
    tab_to(page, page.get_by_label("E-mail address"))
    page.keyboard.type(agent.email)
    page.keyboard.press("Enter")
    expect(page.get_by_text("is a member already")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value(agent.email)
    check_accessible_in_both(page)
    check_fits(page)

    row = page.get_by_role("row").filter(has_text=agent.email)
    remove = row.get_by_role("button", name="Remove")
    tab_to(page, remove)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    check_accessible_in_both(page)
    page.keyboard.press("Escape")
    assert remove.evaluate("element => element === document.activeElement")
    page.keyboard.press("Enter")
    tab_to(page, dialog.get_by_role("button", name="Remove"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("is not a member any more")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    check_accessible_in_both(page)


def test_one_ends_ones_other_browser(dashboard: Dashboard, open_browser: Open) -> None:
    """By its line in one's account; this one goes on."""
    member = dashboard.member(Role.OWNER)
    here, there = (open_browser(base_url=dashboard.url) for _ in range(2))
    for context in (here, there):
        context.add_cookies([dashboard.cookie(member)])
    page, other = here.new_page(), there.new_page()
    other.goto("/account")
    page.goto("/account")

    page.get_by_role("button", name=re.compile("^Sign out Chromium of the tests")).click()

    expect(page.get_by_text("That browser has been signed out.")).to_be_visible()
    other.reload()
    expect(other).to_have_url(re.compile("/sign-in"))
