"""What another site's page makes a member's browser send changes nothing."""

import httpx
import pytest

from dashboard.wire import API_PREFIX
from domain.roles import Role
from tests.integration.dashboard.browsing import PASSWORD, Browsing, browsing, new_member
from tests.integration.dashboard.conftest import on_usual_kinds
from tests.integration.dashboard.serving import Api

pytestmark = on_usual_kinds

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8400"},
]


def make(browser: Browsing, **headers: str) -> httpx.Response:
    """The answer to a request that would make a project, as JSON."""
    body = {"name": "Bakery"}
    return browser.client.post(f"{API_PREFIX}/projects", json=body, headers=headers)


def test_the_api_takes_the_cookie_with_its_token(api: Api) -> None:
    """What a page of ours does, its member has done."""
    member = new_member(api, Role.OWNER)
    with browsing(api, member) as browser:
        host = str(browser.client.base_url).rstrip("/")
        made = make(browser, **{"X-CSRF-Token": browser.csrf_token, "Origin": host})
        project_id = made.json()["id"]
        path = f"{API_PREFIX}/projects/{project_id}/audit"
        [entry] = browser.get(path).json()["items"]

    assert made.status_code == 201
    assert (entry["action"], entry["actor"]) == ("project.created", f"member:{member.id}")


def test_without_the_right_token_nothing_is_changed(api: Api) -> None:
    """None, an empty one, another sign-in's: 403 from the API and from pages alike."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        with browsing(api, new_member(api, Role.OWNER)) as another:
            others = another.csrf_token
        for token in (None, "", "x", "é", others):
            headers = {} if token is None else {"X-CSRF-Token": token.encode("utf-8")}
            body = {"name": "Bakery"}
            answer = browser.client.post(f"{API_PREFIX}/projects", json=body, headers=headers)
            assert answer.status_code == 403, token
            assert answer.json()["error"]["code"] == "cross_site_refused"
            form = {"name": "Bakery"} if token is None else {"name": "Bakery", "csrf_token": token}
            page = browser.client.post("/projects", data=form)
            assert page.status_code == 403, token
            assert "<html" in page.text


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_is_refused_even_with_the_token(
    api: Api, headers: dict[str, str]
) -> None:
    """Where the browser says where it comes from, that decides."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        token = browser.csrf_token
        by_api = make(browser, **{"X-CSRF-Token": token, **headers})
        form = {"csrf_token": token, "name": "Bakery"}
        by_page = browser.client.post("/projects", data=form, headers=headers)
        out = browser.client.post("/sign-out", data={"csrf_token": token}, headers=headers)
        still_in = browser.get("/account")

    assert [by_api.status_code, by_page.status_code, out.status_code] == [403] * 3
    assert still_in.status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_nobody_is_signed_in_by_another_site(api: Api, headers: dict[str, str]) -> None:
    """A visitor who works in an attacker's account would give away what they enter."""
    member = new_member(api, Role.OWNER)
    with browsing(api) as browser:
        answer = browser.sign_in(member.email, PASSWORD, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_with_a_key_no_cookie_is_looked_at(api: Api) -> None:
    """A bad key is no sign-in, whatever else there is; a good one needs no token."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        bad = make(browser, Authorization="Bearer wa_" + "A" * 43)
        good = make(browser, Authorization=f"Bearer {api.key(Role.OWNER)}")

    assert (bad.status_code, good.status_code) == (401, 201)


@pytest.mark.parametrize(
    "then",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"),
        *("evil", "", "/sign-in?next=/account"),
    ],
)
def test_after_signing_in_nobody_is_led_elsewhere(api: Api, then: str) -> None:
    """`next` is a path of ours or home."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        answer = browser.get("/sign-in", params={"next": then})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_pages_have_their_security_headers(api: Api) -> None:
    """No script or style but our files, no frame, not stored; a page that failed, too."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        pages = [browser.get(path) for path in ("/", "/account", "/no/such/page")]

    for page in pages:
        policy = page.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
        assert "frame-ancestors 'none'" in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "same-origin"


def test_files_of_pages_are_kept_and_nothing_else_is_served(api: Api) -> None:
    """Under the digest of this version alone; no path leads out of the folder."""
    with browsing(api) as browser:
        page = browser.get("/sign-in").text
        path = page.split('stylesheet" href="')[1].split('"')[0]
        file = browser.get(path)
        digest = path.split("/")[2]
        missing = [
            browser.get(each).status_code
            for each in (
                "/static/0000000000000000/base.css",
                f"/static/{digest}/../templates/base.html",
                f"/static/{digest}/%2e%2e/rendering.py",
                f"/static/{digest}/",
            )
        ]

    assert file.status_code == 200
    assert "immutable" in file.headers["cache-control"]
    assert file.headers["content-type"].startswith("text/css")
    assert missing == [404] * 4
