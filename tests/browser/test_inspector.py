"""The token inspector tells why, and keeps nothing."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from uuid import uuid4

import jwt
from playwright.sync_api import Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from tests.browser.busy_days import generate, mint
from tests.browser.checks import check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


def open_inspector(page: Page, project_id: ProjectId) -> None:
    """The page is there."""
    page.goto(f"/projects/{project_id}/inspector")
    expect(page.get_by_role("heading", name="Token inspector")).to_be_visible()


def inspect(page: Page, token: str) -> None:
    """The token has been pasted and sent, and its result has come."""
    page.locator("[data-result]").evaluate("one => one.replaceChildren()")
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("heading", name="Checks")).to_be_visible()


def bad_tokens(old: str, secret: str) -> Iterator[tuple[str, str, str]]:
    """Tokens with the code that each is refused with, and the check that says so."""
    now = int(time.time())
    undated = {"external_id": "grace"}
    none = urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().strip("=")
    good = mint(secret)
    yield "no token at all", "token_malformed", "Form"
    yield "x" * 9_000, "token_too_large", "Size"
    yield f"{none}.{good.split('.')[1]}.", "algorithm_not_allowed", "Algorithm"
    yield mint(secret, lifetime=-600), "token_expired", "Expiry"
    yield _with_kid(secret), "key_unknown", "Secret"
    yield mint("s" * 64), "signature_invalid", "Signature"
    yield mint(old), "key_revoked", "Signature"
    yield mint(secret, name=5), "claim_invalid", "Claims"
    yield jwt.encode({**undated, "iat": now}, secret), "claim_missing", "Required claims"
    yield mint(secret, nbf=now + 900), "token_not_yet_valid", "Start of validity"
    yield mint(secret, lifetime=7200), "lifetime_too_long", "Lifetime"
    yield mint(secret, aud="somebody else"), "audience_mismatch", "Audience"
    yield mint(secret, "undefined"), "custom_id_invalid", "Custom ID"
    yield mint(secret, "left", iat=now - 60), "token_superseded", "Sign-outs"


def _with_kid(secret: str) -> str:
    now = int(time.time())
    payload = {"external_id": "ada", "iat": now, "exp": now + 60}
    return jwt.encode(payload, secret, headers={"kid": str(uuid4())})


def sign_out_everywhere(dashboard: Dashboard, project_id: ProjectId, secret: str) -> None:
    """The person `left` had signed in, and was signed out by an operator."""
    with connected(dashboard, project_id) as widget:
        visitor = widget.sign_in(mint(secret, "left"))["visitor"]["id"]
        with dashboard.system.admin(dashboard.system.owner_key) as admin:
            admin.post(f"/projects/{project_id}/visitors/{visitor}/sign_out").raise_for_status()


def test_each_fault_has_its_name_and_what_to_do(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Fourteen kinds of bad token, each refused with its code by the check that found it."""
    old = generate(dashboard, project_id)["secret"]
    secret = generate(dashboard, project_id)["secret"]
    sign_out_everywhere(dashboard, project_id, secret)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)

    for token, code, check in bad_tokens(old, secret):
        inspect(page, token)
        refused = page.get_by_role("alert")
        expect(refused).to_contain_text("Refused")
        expect(refused.locator("code")).to_have_text(code)
        failed = page.locator(".check-failed").first
        expect(failed.get_by_role("heading")).to_have_text(f"{check} failed")
        assert len(refused.inner_text().removeprefix("Refused").split()) > 5


def test_a_good_token_is_accepted_with_what_it_says(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Every check passed, the secret that signed it, its claims as text and nothing else."""
    made = generate(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)

    inspect(page, "JWT " + mint(made["secret"], "ada-7", name=HOSTILE, plan="gold"))

    expect(page.get_by_text("A sign-in with this token would succeed now.")).to_be_visible()
    expect(page.locator(".check-passed")).to_have_count(13)
    expect(page.locator(".inspection")).to_contain_text(made["key_id"])
    for said in ("ada-7", HOSTILE, '"plan": "gold"'):
        expect(page.locator(".inspection")).to_contain_text(said)
    assert page.title() != "taken"


def test_what_was_not_reached_is_told_so(sign_in_as: SignInAs, project_id: ProjectId) -> None:
    """A text that is no token leaves the later checks nothing to look at."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)

    inspect(page, "a.b")

    expect(page.locator(".check-skipped")).to_have_count(11)
    expect(page.get_by_role("heading", name="Sign-outs not reached")).to_be_visible()


def test_nothing_of_a_token_stays(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Not on the page, in its address, the browser's stores, the way back, or any log."""
    secret = generate(dashboard, project_id)["secret"]
    token = mint(secret, "somebody-rare", name="Nobody Known")
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)

    inspect(page, token)
    assert token not in page.content()
    assert token.split(".")[2] not in page.url
    page.goto(f"/projects/{project_id}/audit")
    assert "somebody-rare" not in page.content()
    page.go_back()

    expect(page.get_by_label("Token", exact=True)).to_have_value("")
    expect(page.locator("[data-result]")).to_be_empty()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    for part in (token.split(".")[2], "somebody-rare"):
        assert part not in stored
        assert part not in dashboard.system.logs()


def test_clearing_takes_all_away(sign_in_as: SignInAs, project_id: ProjectId) -> None:
    """Before one leaves, with one press."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)
    inspect(page, "a.b.c")

    page.get_by_role("button", name="Clear").click()

    expect(page.get_by_label("Token", exact=True)).to_have_value("")
    expect(page.get_by_label("Token", exact=True)).to_be_focused()
    expect(page.locator("[data-result]")).to_be_empty()


def test_the_inspector_is_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """By keyboard alone; in both sets of colours; on a small screen."""
    secret = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    open_inspector(page, project_id)

    tab_to(page, page.get_by_label("Token", exact=True))
    page.keyboard.insert_text(mint(secret, lifetime=-60 * 60, name="Ada", team={"a": [1, 2]}))
    tab_to(page, page.get_by_role("button", name="Inspect"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("region", name="Result of the inspection")).to_be_focused()
    check_accessible_in_both(page)
    check_fits(page)
