"""The overview tells what goes on, by itself, and moves nothing under the pointer."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate, live_through_a_day, mint
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.waiting import wait_until

UPDATED_EVERY_MS = 2_500


def figure(page: Page, name: str) -> Locator:
    """One number of the page."""
    return page.locator(f"[data-figure='{name}']")


def see(page: Page, name: str, number: str) -> None:
    """The number comes to be so by itself."""
    expect(figure(page, name)).to_have_text(number)


def update(page: Page, name: str, number: str) -> None:
    """It was counted, time goes on in the page until it looks again, and it has the number."""
    served = re.compile(rf'data-figure="{name}"[^>]*>\s*{number}\s*<')
    wait_until(lambda: served.search(page.request.get(page.url).text()), f"{number} {name}")
    with page.expect_response(page.url):
        page.clock.run_for(UPDATED_EVERY_MS)
    see(page, name, number)


def test_what_happens_is_seen_without_reloading(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """A sign-in, a refusal by a worker, one by the gateway, and who is there now."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/overview")
    expect(page.get_by_role("heading", name="Three steps to the first sign-in")).to_be_visible()
    see(page, "signed-in", "0")

    with connected(dashboard, project_id) as widget, connected(dashboard, project_id):
        assert widget.sign_in(mint("s" * 64))["code"] == "signature_invalid"
        assert widget.sign_in(mint(secret, lifetime=-600))["code"] == "token_expired"
        assert widget.sign_in(mint(secret))["type"] == "signed_in"

        see(page, "signed-in", "1")
        see(page, "refused", "2")
        see(page, "refused-signature_invalid", "1")
        see(page, "refused-token_expired", "1")
        see(page, "signed-in-now", "1")
        see(page, "anonymous-now", "1")
        see(page, "live-Secret 1", "1")
    steps = page.get_by_role("heading", name="Three steps to the first sign-in")
    expect(steps).to_have_count(0)


def test_how_long_a_revocation_took_is_told(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """With how many it disconnected, a link to its receipt, and what the next would cost."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/overview")
    with connected(dashboard, project_id) as widget:
        widget.sign_in(mint(secret))
        cost = page.get_by_text("would disconnect 1 signed-in visitor;")
        expect(cost).to_be_visible()

        rotation = generate(dashboard, project_id)["rotation"]
        assert widget.close_reason()[0] == 4401

    row = page.get_by_role("row").filter(has=page.locator(f"a[href$='{rotation['id']}']"))
    took = re.compile(r"^\s*(\d+ ms|[\d.]+ s)\s*$")
    expect(row.get_by_role("cell").nth(3)).to_have_text(took)
    expect(row.get_by_role("cell").nth(2)).to_have_text("at once")
    expect(row.get_by_role("cell").nth(4)).to_have_text("1 of 1")


def test_nothing_moves_under_the_pointer(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Numbers change where they stand; lists at the pointer or above grow once it has left."""
    generate(dashboard, project_id)
    page = sign_in_as(Role.OPERATOR, project_id)
    page.clock.install()
    page.goto(f"/projects/{project_id}/overview")
    with page.expect_response(page.url):  # its time stands still, or the pointer would rest
        page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    refusals = page.locator("[data-part='refusals']")
    cuts = page.locator("[data-part='cuts']")
    cuts.hover()
    before = cuts.bounding_box()

    with connected(dashboard, project_id) as widget:
        widget.sign_in(mint("s" * 64))
        update(page, "refused", "1")
        expect(page.get_by_text("There is news.")).to_be_visible()
        expect(refusals).to_contain_text("None in the last 24 hours.")
        assert cuts.bounding_box() == before
        page.get_by_role("heading", name="Overview").hover()
        update(page, "refused-signature_invalid", "1")

        refusals.hover()
        widget.sign_in(mint("s" * 64))
        update(page, "refused-signature_invalid", "2")


def test_a_new_project_is_led_to_its_first_sign_in(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Three steps, done ones ticked; who may not generate a secret is not offered it."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}")

    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="Generate it")).to_be_visible()
    expect(page.locator(".step-done")).to_have_count(0)
    generate(dashboard, project_id)
    with connected(dashboard, project_id):
        expect(page.locator(".step-done")).to_have_count(2)

    other = sign_in_as(Role.OPERATOR, dashboard.project())
    other.goto("/")
    expect(other.get_by_role("heading", name="Three steps to the first sign-in")).to_be_visible()
    expect(other.get_by_role("link", name="Generate it")).to_have_count(0)


def test_the_overview_is_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """In both sets of colours, on a small screen, by keyboard, and the chart as a table."""
    live_through_a_day(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/overview")
    expect(page.get_by_role("img", name="Live sessions by the secret")).to_be_visible()

    pause = page.get_by_role("button", name="Pause updates")
    tab_to(page, pause)
    page.keyboard.press("Enter")
    expect(pause).to_have_attribute("aria-pressed", "true")
    tab_to(page, page.get_by_text("The same as a table"))
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name="The most live sessions at a time, hour by hour")
    # A day of whole hours, or with parts of two.
    expect(table.get_by_role("row").nth(24)).to_be_visible()
    assert table.get_by_role("row").count() in {1 + 24, 1 + 25}
    expect(table.get_by_role("row").nth(3)).to_have_text(re.compile(r"\d:00 CES?T\s*\d+"))

    check_accessible_in_both(page)
    check_fits(page)
