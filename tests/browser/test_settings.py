"""What a project asks of tokens, and its limits, are set by forms that say what is wrong."""

import jwt
from playwright.sync_api import Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate
from tests.browser.checks import check_accessible, check_accessible_in_both, check_fits
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.test_hours import stored
from tests.servers.browser import Watch


def test_the_drop_in_preset_is_looked_at_and_saved(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Choosing it fills the fields in; saved, a token without an expiry signs in."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/settings")
    expect(page.get_by_label("A token has to expire")).to_be_checked()

    page.get_by_label("Preset").select_option("tiledesk")
    expect(page.get_by_label("A token has to expire")).not_to_be_checked()
    expect(page.get_by_label("Longest lifetime")).to_have_value("")
    page.get_by_label("Claim that holds").fill("user_id")
    page.get_by_role("button", name="Save the token policy").click()

    expect(page.get_by_text("The token policy is saved.")).to_be_visible()
    policy = stored(dashboard, project_id)["token_policy"]
    assert policy == {
        "preset": "tiledesk",
        "require_exp": False,
        "max_lifetime_seconds": None,
        "leeway_seconds": 120,
        "proof_seconds": 43200,
        "custom_id_claim": "user_id",
    }
    with connected(dashboard, project_id) as widget:
        token = jwt.encode({"user_id": "ada"}, secret, algorithm="HS256")
        assert widget.sign_in(token)["type"] == "signed_in"


def test_origins_limits_and_rotation_policy_are_saved(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Each by its own form; empty takes the policy away again."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/settings")

    page.get_by_label("Origins, one a line").fill("https://Shop.example:443\nhttp://localhost:3000")
    page.get_by_role("button", name="Save the origins").click()
    expect(page.get_by_label("Origins, one a line")).to_have_value(
        "https://shop.example\nhttp://localhost:3000"
    )
    page.get_by_label("Messages of one widget").fill("25")
    page.get_by_role("button", name="Save the limits").click()
    expect(page.get_by_text("The limits are saved.")).to_be_visible()
    page.get_by_label("Every so many days").fill("90")
    page.get_by_role("button", name="Save the rotation policy").click()
    expect(page.get_by_text("The rotation policy is saved.")).to_be_visible()
    expect(page.get_by_label("Every so many days")).to_have_value("90")
    page.get_by_label("Every so many days").fill("")
    page.get_by_role("button", name="Save the rotation policy").click()

    expect(page.get_by_label("Every so many days")).to_have_value("")
    limits = stored(dashboard, project_id)["limits"]
    assert isinstance(limits, dict)
    assert limits["messages_per_socket"] == 25


def test_what_is_wrong_stands_at_its_field(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """With what was entered; nothing is changed."""
    watch.expect("status of 422")
    before = stored(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/settings")

    page.get_by_label("Origins, one a line").fill("shop.example")
    page.get_by_role("button", name="Save the origins").click()
    _see_fault(page, "Origins, one a line", "shop.example", "https://shop.example")
    page.get_by_label("How far your site's clock").fill("9999")
    page.get_by_role("button", name="Save the token policy").click()
    _see_fault(page, "How far your site's clock", "9999", "from 0 to 600")
    page.get_by_label("Every so many days").fill("0")
    page.get_by_role("button", name="Save the rotation policy").click()
    _see_fault(page, "Every so many days", "0", "give 1 to 3650")

    assert stored(dashboard, project_id) == before


def _see_fault(page: Page, label: str, entered: str, told: str) -> None:
    field = page.get_by_label(label)
    expect(field).to_have_value(entered)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field-wrong")).to_contain_text(told)


def test_the_page_is_for_everybody(sign_in_as: SignInAs, project_id: ProjectId) -> None:
    """An operator reads it; no serious finding, and no scrolling sideways on a small screen."""
    page = sign_in_as(Role.OPERATOR, project_id)
    page.goto(f"/projects/{project_id}/settings")
    expect(page.get_by_label("Preset")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)

    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/settings")
    check_accessible_in_both(page)
    check_fits(page)
    check_accessible(page)
