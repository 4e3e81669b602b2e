"""What a page says when something came in between: a connection that broke, a colleague."""

from playwright.sync_api import Route, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.conftest import SignInAs
from tests.browser.conversations import hear, write
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
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
        page.locator(".conversation").get_by_role("link").click()
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
