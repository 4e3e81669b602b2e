"""Operating hours are edited by rows, and one sees what they come to before they are saved."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate, plan_a_rotation
from tests.browser.checks import check_accessible, check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.steps import follow


def preview(page: Page) -> Locator:
    """What is told beside the form."""
    return page.locator("[data-preview]")


def save(page: Page) -> None:
    """The hours are saved, and the page that says so is there."""
    follow(page.get_by_role("button", name="Save the hours"))
    expect(page.get_by_text("The operating hours are saved.")).to_be_visible()


def stored(dashboard: Dashboard, project_id: ProjectId) -> dict[str, object]:
    """The project's settings as the API tells them."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        told: dict[str, object] = admin.get(f"/projects/{project_id}").json()
    return told


def test_hours_over_midnight_are_entered_by_keyboard(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The row says that it ends on the next day; the preview follows; saved, it is so."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")
    expect(preview(page)).to_contain_text("Chat is never offline")

    tab_to(page, page.get_by_role("radio", name="Never offline"))
    page.keyboard.press("ArrowDown")
    tab_to(page, page.get_by_role("button", name="Add hours on Friday"))
    page.keyboard.press("Enter")
    page.get_by_label("Friday, open from").fill("22:00")
    page.get_by_label("Friday, open until").fill("02:30")
    friday = page.get_by_role("group", name="Friday")
    expect(friday.get_by_text("next day")).to_be_visible()
    expect(preview(page).get_by_role("listitem").first).to_contain_text("Sat")
    expect(preview(page).get_by_role("listitem").first).to_contain_text("02:30")
    tab_to(page, page.get_by_role("button", name="Save the hours"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("The operating hours are saved.")).to_be_visible()
    hours = stored(dashboard, project_id)["operating_hours"]
    assert isinstance(hours, dict)
    assert hours["weekly"]["fri"] == [["22:00", "02:30"]]
    expect(page.get_by_label("Friday, open until")).to_have_value("02:30")


def test_never_offline_and_always_offline_are_told_apart(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """No hours at all, and hours that are empty."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")

    page.get_by_label("Always offline").check()
    expect(preview(page)).to_contain_text("Chat is always offline")
    save(page)
    expect(page.get_by_label("Always offline")).to_be_checked()
    assert stored(dashboard, project_id)["operating_hours"] is not None

    page.get_by_label("Never offline").check()
    expect(preview(page)).to_contain_text("Chat is never offline")
    save(page)
    expect(page.get_by_label("Never offline")).to_be_checked()
    assert stored(dashboard, project_id)["operating_hours"] is None


def test_a_date_that_differs_and_another_zone(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """A date without times is offline all day; the zone is one of the list."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")
    page.get_by_label("Open by hours").check()
    day = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"

    page.get_by_role("button", name="Add a date").click()
    page.get_by_label("Date", exact=True).fill(day)
    page.get_by_label("the date, open from").fill("")
    page.get_by_label("the date, open until").fill("")
    page.get_by_label("Time zone").fill("Pacific/Chatham")
    save(page)

    told = stored(dashboard, project_id)
    assert told["time_zone"] == "Pacific/Chatham"
    hours = told["operating_hours"]
    assert isinstance(hours, dict)
    assert hours["exceptions"] == [{"date": day, "open": []}]


def test_what_cannot_be_is_told_as_it_is_typed(sign_in_as: SignInAs, project_id: ProjectId) -> None:
    """Hours that overlap, with the day; a zone that does not exist."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")
    page.get_by_label("Open by hours").check()
    for _ in range(2):
        page.get_by_role("button", name="Add hours on Monday").click()
    expect(preview(page)).to_contain_text("Monday: 09:00-17:00 and 09:00-17:00 overlap")

    page.get_by_role("button", name="Remove these hours of Monday").first.click()
    expect(preview(page)).to_contain_text("Mon")
    page.get_by_label("Time zone").fill("Atlantis")

    expect(preview(page)).to_contain_text("IANA time zone")


def test_a_change_that_moves_a_rotation_says_so_first(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Before it is saved, and after."""
    plan_a_rotation(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")

    for until in page.get_by_label("open until").all():
        until.fill("19:45")

    expect(preview(page)).to_contain_text("This moves the pending rotation")
    page.get_by_role("button", name="Save the hours").click()
    expect(page.get_by_role("status").first).to_contain_text("The pending rotation is now due on")


def test_an_operator_sees_the_hours_and_changes_none(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The form is there to read."""
    generate(dashboard, project_id)
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")

    expect(page.get_by_label("Time zone")).to_be_disabled()
    expect(page.get_by_role("button", name="Save the hours")).to_have_count(0)


def test_the_page_is_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """No serious finding in either set of colours, and no scrolling sideways on a small screen."""
    plan_a_rotation(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/hours")
    page.get_by_role("button", name="Add a date").click()
    check_accessible_in_both(page)
    check_fits(page)
    check_accessible(page)
