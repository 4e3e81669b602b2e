"""Every page and every route: none fails, all are protected alike."""

import httpx

from dashboard.wire import API_PREFIX
from domain.ids import ProjectId
from domain.roles import Role
from tests.integration.dashboard.browsing import Browsing, browsing, new_member
from tests.integration.dashboard.conftest import on_usual_kinds
from tests.integration.dashboard.serving import Api
from tests.integration.dashboard.test_who_may import BODIES, filled, guarded, pages, pages_of

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
FOREIGN = {"Origin": "https://evil.example"}


def changing(api: Api) -> list[tuple[str, str]]:
    """Every method and path that may change something by cookie, of the API and of pages."""
    routes = (*guarded(api, API_PREFIX), *pages(api))
    return [(method, path) for _, method, path in routes if method not in ("GET", "HEAD")]


def test_every_page_has_its_headers_and_none_fails(api: Api, project_id: ProjectId) -> None:
    """No script or style but our files, no frame, nothing kept; whatever a form was sent with."""
    seen = set()
    for page in pages_of(api):
        if page.name == "static.read":
            continue
        with browsing(api, new_member(api, Role.OWNER)) as browser:
            for method in page.methods or ():
                answer = browser.client.request(
                    method,
                    filled(page.path, project_id),
                    headers={"X-CSRF-Token": browser.csrf_token},
                )
                assert answer.status_code < 500, (page.path, answer.text)
                check_headers(answer)
                if "<html" in answer.text:
                    seen.add(page.path)
                    check_text(answer.text)

    assert {"/", "/account", "/invitation", "/sign-in"} < seen
    assert {f"/projects/{{project_id}}/{name}" for name in ("members", "api-keys")} < seen


def check_headers(answer: httpx.Response) -> None:
    """Nothing of it is kept, guessed at, or told to others; a page says what it may load."""
    told = answer.headers
    assert told["cache-control"] == "no-store", answer.url
    assert told["x-content-type-options"] == "nosniff", answer.url
    if "<html" not in answer.text:
        return
    assert set(told["content-security-policy"].split("; ")) == POLICY, answer.url
    assert told["x-frame-options"] == "DENY", answer.url
    assert told["referrer-policy"] == "same-origin", answer.url
    assert told["cross-origin-opener-policy"] == "same-origin", answer.url


def check_text(text: str) -> None:
    """Nothing stands in the page that its own policy would not let work."""
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert text.count("<script") == text.count('<script src="/static/') + text.count(
        '<script type="module" src="/static/'
    )


@on_usual_kinds
def test_nothing_is_changed_by_cookie_without_its_token(api: Api, project_id: ProjectId) -> None:
    """Every route and every form, of the API and of pages: 403, as from another site's page."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        for method, path in changing(api):
            for headers in ({}, {"X-CSRF-Token": "x" * 43}, another_sites(browser)):
                answer = browser.client.request(method, filled(path, project_id), headers=headers)
                assert answer.status_code == 403, (method, path, headers)
                if path.startswith(API_PREFIX):
                    assert answer.json()["error"]["code"] == "cross_site_refused", path
        assert browser.get("/account").status_code == 200

    assert len(changing(api)) > len(BODIES)


def test_what_needs_no_sign_in_is_refused_to_other_sites_too(api: Api) -> None:
    """Nobody is signed in as somebody else, or out, by a page of another site."""
    with browsing(api) as browser:
        answers = [
            browser.client.post(path, data={}, headers=FOREIGN)
            for path in ("/sign-in", "/sign-out", "/invitation", "/invitation/accept")
        ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert not [answer for answer in answers if "set-cookie" in answer.headers]


def another_sites(browser: Browsing) -> dict[str, str]:
    """The right token, from a page of another site."""
    return {"X-CSRF-Token": browser.csrf_token, **FOREIGN}
