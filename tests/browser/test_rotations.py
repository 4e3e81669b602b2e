"""Rotations go on before one's eyes, can be steered, and leave a receipt to print."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from domain.ids import ProjectId, RotationId
from domain.roles import Role
from domain.rotations import Moved
from services.transactions import Transaction
from storage.sql import rotations
from tests.browser.busy_days import generate, mint
from tests.browser.checks import check_accessible, check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.steps import follow
from tests.servers.browser import Watch

TOMORROW = timedelta(days=1)


def plan(dashboard: Dashboard, project_id: ProjectId) -> tuple[str, str, str]:
    """The old secret, the new one, and the rotation that ends the old one tomorrow."""
    old = generate(dashboard, project_id)
    due = (datetime.now(UTC) + TOMORROW).strftime("%Y-%m-%dT%H:%M:%SZ")
    new = generate(dashboard, project_id, retire_previous=due)
    return old["secret"], new["secret"], new["rotation"]["id"]


def press(page: Page, opener: str, submit: str) -> None:
    """The button, and the one of its dialog."""
    page.get_by_role("button", name=opener).click()
    follow(page.get_by_role("dialog").get_by_role("button", name=submit))


def test_a_regenerate_is_followed_to_its_receipt(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """An operator's list shows it while a colleague presses, without being loaded again."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations")
    expect(page.get_by_role("heading", name="No rotation yet")).to_be_visible()
    page.evaluate("window.stays = true")

    with connected(dashboard, project_id) as widget, connected(dashboard, project_id):
        assert widget.sign_in(mint(secret))["type"] == "signed_in"
        generate(dashboard, project_id)
        code, _ = widget.close_reason()

    assert code == 4401
    row = page.get_by_role("row").filter(has_text="Secret 1 → Secret 2")
    expect(row).to_contain_text("completed")
    expect(row).to_contain_text("1 of 1 closed")
    assert page.evaluate("window.stays")
    row.get_by_role("link").click()
    expect(page.get_by_text("1 found · 1 closed · 0 gone")).to_be_visible()
    expect(page.get_by_text("1 of 1 gateway nodes have answered")).to_be_visible()


def test_a_planned_rotation_is_run_before_its_date(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Refused for want of force, as the new secret was never used; then run, and told live."""
    old, _, rotation = plan(dashboard, project_id)
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations/{rotation}")
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"in (1 d|23 h)"))
    expect(page.get_by_text("The new secret has never verified a token").first).to_be_visible()

    with connected(dashboard, project_id) as widget:
        assert widget.sign_in(mint(old))["type"] == "signed_in"
        press(page, "Run it now", "Revoke it now")
        expect(page.get_by_role("alert").first).to_contain_text("it needs force")
        page.get_by_role("button", name="Run it now").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 live session signed in with the old secret")
        dialog.get_by_label("Revoke the old secret all the same").check()
        dialog.get_by_role("button", name="Revoke it now").click()
        code, _ = widget.close_reason(passing_over={"reauthenticate"})  # of the overlap

    assert code == 4401
    expect(page.get_by_text("1 found · 1 closed · 0 gone")).to_be_visible()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_role("button", name="Run it now")).to_have_count(0)


def test_a_rotation_is_cancelled_and_dated_again_by_keyboard(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Cancel, then another date, with nothing but keys."""
    _, _, rotation = plan(dashboard, project_id)
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations/{rotation}")

    tab_to(page, page.get_by_role("button", name="Cancel it"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Cancel the rotation"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The rotation is cancelled.")).to_be_visible()

    tab_to(page, page.get_by_role("button", name="Give it another date"))
    page.keyboard.press("Enter")
    day = datetime.now(UTC) + 3 * TOMORROW
    page.get_by_label("The old secret ends on").fill(f"{day:%Y-%m-%d}T12:15")
    tab_to(page, page.get_by_role("button", name="Plan for that time"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("The rotation has another date.")).to_be_visible()
    expect(page.locator(".due")).to_contain_text(f"{day.day} {day:%b %Y}, 12:15")


def test_a_date_that_is_over_is_refused_with_a_reason(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Nothing is changed."""
    _, _, rotation = plan(dashboard, project_id)
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations/{rotation}")

    page.get_by_role("button", name="Give it another date").click()
    page.get_by_label("The old secret ends on").fill("2026-01-01T00:00")
    page.get_by_role("dialog").get_by_role("button", name="Plan for that time").click()

    expect(page.get_by_role("alert").first).to_contain_text("this time is over")


def test_a_page_that_is_kept_up_to_date_ends_with_its_sign_in(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """Signed out elsewhere, it leads to the sign-in page as soon as something happens."""
    watch.expect("EventSource's response has a MIME type")  # the sign-in page, if it is asked first
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations")
    generate(dashboard, project_id)

    with page.expect_response("**/sign-out"):  # whose script may be gone before it is answered
        page.evaluate(
            """() => {
                const token = document.querySelector("meta[name=csrf-token]").content;
                const body = new URLSearchParams({csrf_token: token});
                void fetch("/sign-out", {method: "POST", body, keepalive: true});
            }"""
        )
    generate(dashboard, project_id)

    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_receipt_is_printed_without_the_frame(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """On paper there is the receipt alone."""
    generate(dashboard, project_id)
    rotation = generate(dashboard, project_id)["rotation"]["id"]
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/rotations/{rotation}")
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()

    page.emulate_media(media="print")

    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_role("navigation", name="Sections")).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()


def test_an_alarm_stands_on_every_page_of_its_project(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """With the way to the rotation; agents, who can do nothing about it, do not see it."""
    _, _, rotation = plan(dashboard, project_id)
    put_off(dashboard, project_id, rotation)
    pages = {
        Role.ADMINISTRATOR: ("authentication", "hours", "settings", "audit", "overview"),
        Role.OPERATOR: ("rotations",),
    }
    for role, paths in pages.items():
        page = sign_in_as(role, project_id)
        for path in paths:
            page.goto(f"/projects/{project_id}/{path}")
            expect(page.get_by_text("A rotation was put off")).to_have_count(1)
    page.get_by_role("link", name="To the rotation").click()
    expect(page).to_have_url(re.compile(f"/rotations/{rotation}$"))

    agent = sign_in_as(Role.AGENT, project_id)
    agent.goto(f"/projects/{project_id}/visitors")
    expect(agent.get_by_role("heading", name="Visitors").first).to_be_visible()
    expect(agent.get_by_text("A rotation was put off")).to_have_count(0)


def put_off(dashboard: Dashboard, project_id: ProjectId, rotation_id: str) -> None:
    """As the runner leaves a rotation whose new secret was not used in time."""

    def use_case(transaction: Transaction) -> None:
        rotation = rotations.get_rotation(transaction.db, project_id, RotationId(rotation_id))
        moved = {"moved_because": Moved.NEW_SECRET_UNUSED, "moved_at": transaction.now}
        rotations.update_rotation(transaction.db, replace(rotation, **moved))

    dashboard.transactor.run(use_case)


def test_the_pages_are_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """No serious finding in either set of colours, and no scrolling sideways on a small screen."""
    _, _, rotation = plan(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    for path in ("", f"/{rotation}"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"/projects/{project_id}/rotations{path}")
        check_accessible_in_both(page)
        check_fits(page)
        check_accessible(page)
