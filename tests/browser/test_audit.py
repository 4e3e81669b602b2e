"""The audit log reads as sentences, and is searched by what one knows."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, expect

from domain.ids import ProjectId
from domain.roles import Actor, Role
from tests.browser.busy_days import act_in
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.steps import follow
from tests.browser.test_hours import stored


def lines(page: Page) -> Locator:
    """The entries on the page."""
    return page.locator(".log-line")


def find(page: Page) -> None:
    """The filters as they are entered are applied."""
    follow(page.get_by_role("button", name="Find"))


def test_entries_are_found_by_what_is_known_of_them(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """By what was done, by whom, refused ones; together; and all of them again."""
    act_in(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/audit")
    everything = lines(page).count()

    page.get_by_label("What").select_option(
        label="regenerated the secret; every earlier one is revoked"
    )
    find(page)
    expect(lines(page)).to_have_count(1)
    expect(lines(page).get_by_role("definition").first).to_have_text("Secret 2")
    expect(lines(page)).to_contain_text("A developer left")

    page.get_by_label("What").select_option("")
    page.get_by_label("Who").select_option("cli")
    find(page)
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text("ada, on the command line set how often")

    page.get_by_label("Who").select_option("")
    page.get_by_label("Refused only").check()
    find(page)
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text(re.compile(r"ada-\w+@example.com was refused"))

    page.get_by_label("Who").select_option("worker")
    find(page)
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="All entries").first.click()
    expect(lines(page)).to_have_count(everything)


def test_times_are_the_projects_own(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Entered and shown in its zone, to the second, with the zone's name."""
    made = datetime.fromisoformat(str(stored(dashboard, project_id)["created_at"]))
    here = made.astimezone(ZoneInfo("Europe/Rome"))
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/audit")
    expect(lines(page).last.locator("time").first).to_have_text(
        f"{here.day} {here:%b %Y, %H:%M:%S %Z}"
    )

    page.get_by_label("From").fill(f"{here - timedelta(minutes=10):%Y-%m-%dT%H:%M}")
    page.get_by_label("To").fill(f"{here + timedelta(minutes=10):%Y-%m-%dT%H:%M}")
    find(page)
    expect(lines(page)).not_to_have_count(0)

    page.get_by_label("To").fill(f"{here - timedelta(minutes=5):%Y-%m-%dT%H:%M}")
    find(page)
    expect(lines(page)).to_have_count(0)


def test_older_entries_are_on_the_next_page(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """With the filters as they were, and the way back to the first."""
    ada = Actor("cli:ada")
    dashboard.transactor.run(
        lambda t: [
            t.audit(ada, "project.changed", project_id, {"name": f"N{n}"}) for n in range(60)
        ]
    )
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/audit?action=project.changed")
    expect(lines(page)).to_have_count(50)

    page.get_by_role("link", name="Next page").click()
    expect(lines(page)).to_have_count(10)
    expect(lines(page).last).to_contain_text("N0")
    expect(page.get_by_label("What")).to_have_value("project.changed")
    page.get_by_role("link", name="Back to the first").click()

    expect(lines(page)).to_have_count(50)


def test_the_log_is_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """By keyboard alone; in both sets of colours; on a small screen."""
    act_in(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/audit")

    tab_to(page, page.get_by_label("Refused only"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Find"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("refused=1"))
    expect(lines(page)).to_have_count(1)

    page.goto(f"/projects/{project_id}/audit")
    check_accessible_in_both(page)
    check_fits(page)
