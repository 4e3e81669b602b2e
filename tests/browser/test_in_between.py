"""What a page says when something came in between: a connection that broke, a colleague."""

import re

from playwright.sync_api import Route, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate
from tests.browser.checks import check_accessible, check_fits
from tests.browser.conftest import SignInAs
from tests.browser.conversations import hear, write
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.steps import follow
from tests.browser.test_hours import stored
from tests.browser.test_secrets import (
    BY_DAY,
    ask_to_regenerate,
    generations,
    set_hours,
    shown_secret,
)
from tests.servers.browser import Watch

MESSAGES = "**/api/v1/**/messages"


def test_only_an_answer_that_was_refused_is_told_to_be_unsent(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """After a broken connection or a proxy's own error nobody knows: the thread is fetched."""
    watch.expect("net::ERR_FAILED", "status of 502", "status of 422")
    page = sign_in_as(Role.AGENT, project_id)
    with connected(dashboard, project_id) as widget:
        write(widget, "Is anybody there?")
        page.goto(f"/projects/{project_id}/inbox")
        follow(page.locator(".conversation").get_by_role("link"))
        text, fault = page.get_by_label("Your answer"), page.locator("#text-error")

        page.route(MESSAGES, break_off)
        text.fill("One moment.")
        text.press("Enter")
        expect(fault).to_contain_text("It may not have been sent: look at the conversation")
        expect(text).to_have_value("One moment.")
        assert hear(widget, "message")["text"] == "One moment."
        expect(page.locator(".message-ours")).to_contain_text("One moment.")

        page.unroute(MESSAGES)
        page.route(MESSAGES, lambda route: route.continue_(post_data='{"text": ""}'))
        text.press("Enter")
        expect(fault).to_contain_text("It was not sent.")

        page.unroute(MESSAGES)
        page.route(MESSAGES, lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
        with page.expect_request(lambda asked: asked.headers.get("x-unattended") == "1"):
            text.press("Enter")
        expect(fault).to_contain_text("It may not have been sent")


def break_off(route: Route) -> None:
    """The dashboard has the request, and its answer is lost."""
    route.fetch()
    route.abort()


def test_off_hours_that_are_no_more_leave_the_choice_open(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """The dialog is back without a choice, and without one nothing is sent; least of all now."""
    watch.expect("status of 422")
    generate(dashboard, project_id)
    set_hours(dashboard, project_id, BY_DAY)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    ask_to_regenerate(page, project_id)
    dialog = page.get_by_role("dialog")
    now = dialog.get_by_role("radio", name=re.compile("^Now"))
    dialog.get_by_label("In the next off-hours").check()
    be_never_offline(dashboard, project_id)
    dialog.get_by_role("button", name="Plan for off-hours").click()
    expect(dialog.get_by_text("Nothing was changed")).to_be_visible()
    expect(dialog.get_by_role("radio", checked=True)).to_have_count(0)

    dialog.get_by_role("button", name="Regenerate", exact=True).click()

    expect(now).to_be_focused()
    assert len(generations(dashboard, project_id)) == 1
    now.check()
    dialog.get_by_role("button", name="Regenerate now").click()
    shown_secret(page)
    assert len(generations(dashboard, project_id)) == 2


def test_settings_of_two_windows(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """The later one shows what was saved by the other, and what it had itself; then it may save."""
    watch.expect("status of 409")
    one, other = (sign_in_as(Role.ADMINISTRATOR, project_id) for _ in range(2))
    for page in (one, other):
        page.goto(f"/projects/{project_id}/settings")
    one.get_by_label("Longest lifetime").fill("300")
    one.get_by_role("button", name="Save the token policy").click()
    expect(one.get_by_text("The token policy is saved.")).to_be_visible()

    other.get_by_label("How far your site's clock").fill("60")
    other.get_by_role("button", name="Save the token policy").click()

    expect(other.get_by_text("Somebody was faster")).to_be_visible()
    expect(other.locator(".notice")).to_contain_text("How far your site's clock may be off")
    expect(other.get_by_label("Longest lifetime")).to_have_value("300")
    expect(other.get_by_label("How far your site's clock")).to_have_value("120")
    check_accessible(other)
    check_fits(other)
    other.get_by_label("How far your site's clock").fill("60")
    other.get_by_role("button", name="Save the token policy").click()
    expect(other.get_by_text("The token policy is saved.")).to_be_visible()
    policy = stored(dashboard, project_id)["token_policy"]
    assert isinstance(policy, dict)
    assert (policy["max_lifetime_seconds"], policy["leeway_seconds"]) == (300, 60)


def be_never_offline(dashboard: Dashboard, project_id: ProjectId) -> None:
    """Chat has no hours any more."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        answer = admin.patch(f"/projects/{project_id}", json={"operating_hours": None})
    assert answer.status_code == 200, answer.text
