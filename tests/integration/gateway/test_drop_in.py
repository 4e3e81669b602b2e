"""Signing in over HTTP at the gateway, with a worker that answers as its test wants."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from tests.integration.gateway.conftest import SHORT_LIVED, Publish
from tests.integration.gateway.running import RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker
from tests.servers.plain_http import NO_TLS
from tests.waiting import SECONDS

CUSTOM, GUEST = "/auth/signinWithCustomToken", "/auth/signinAnonymously"
SHOP, OTHER = "https://shop.example", "https://evil.example"
SECRET = "x" * 64
# One id for all processes of a test run: it names tests.
NOBODYS = "0190a7c4-0000-7000-8000-00000000dead"


@pytest.fixture
def http(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """Asks the gateway."""
    base_url = f"http://127.0.0.1:{gateway.port}"
    with httpx.Client(base_url=base_url, trust_env=False, timeout=SECONDS, verify=NO_TLS) as client:
        yield client


def token_for(project: str | None, **claims: Any) -> str:
    """A token that the worker will find good, for a project of whatever host."""
    audience = {"aud": f"https://chat.example/projects/{project}"} if project else {}
    payload = {"_id": "ada", "sub": "userexternal", "generation": 1, "proof_seconds": 60}
    return jwt.encode({**payload, **audience, **claims}, SECRET, algorithm="HS256")


def sign_in(http: httpx.Client, token: str, **headers: str) -> httpx.Response:
    """The answer to a token in an Authorization header."""
    return http.post(CUSTOM, headers={"Authorization": f"JWT {token}", **headers})


def refusal(answer: httpx.Response, status: int = 401) -> str:
    """The code of a refusal, which has the one form that refusals have."""
    body = answer.json()
    assert answer.status_code == status, body
    assert body.keys() == {"success", "msg", "code"}
    assert body["success"] is False
    assert body["msg"]
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" not in answer.headers
    code: str = body["code"]
    return code


def test_a_good_token_is_answered_with_itself(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId
) -> None:
    """And its claims, whatever they are; the queue's message names no session and no device."""
    token = token_for(project, role="admin", odd="\ud800 ü", deep={"a": [1, None]})

    answer = sign_in(http, token)

    assert answer.status_code == 200, answer.text
    claims = jwt.decode(token, options={"verify_signature": False})
    assert answer.json() == {"success": True, "token": f"JWT {token}", "user": claims}
    [request] = worker.messages[-1]["requests"]
    assert (request["session_id"], request["device_id"]) == (None, None)
    assert token not in str(worker.raw)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b""),
        ("application/x-www-form-urlencoded", b""),
        ("application/x-www-form-urlencoded", b"a=1&b=2"),
        ("application/json", b"{}"),
        ("application/json; charset=utf-8", b'{"a": 1}'),
        ("text/plain", b"\xff"),
    ],
)
def test_the_body_may_be_what_clients_send(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId, content_type: str, body: bytes
) -> None:
    """Empty, a form or JSON; what is neither is not looked at."""
    headers = {"Authorization": f"JWT {token_for(project)}", "Content-Type": content_type}

    assert http.post(CUSTOM, headers=headers, content=body).status_code == 200


@pytest.mark.parametrize("form", ["json", "data"])
def test_the_body_may_name_the_project(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId, form: str
) -> None:
    """For tokens without an audience."""
    headers = {"Authorization": f"Bearer {token_for(None)}"}
    options: dict[str, Any] = {form: {"id_project": project}}

    assert http.post(CUSTOM, headers=headers, **options).status_code == 200
    assert refusal(sign_in(http, token_for(None))) == "claim_missing"
    options[form]["id_project"] = "nothing"
    assert refusal(http.post(CUSTOM, headers=headers, **options)) == "audience_mismatch"


@pytest.mark.parametrize(
    ("audience", "code"),
    [
        ("https://tiledesk.example", "audience_mismatch"),
        ("https://chat.example/projects/{}/", "audience_mismatch"),
        ("https://chat.example/projects/{}%20", "audience_mismatch"),
        (["{}", NOBODYS], "audience_mismatch"),
        ([], "audience_mismatch"),
        (17, "claim_invalid"),
        (None, "claim_invalid"),
        (f"/projects/{NOBODYS}", "audience_mismatch"),
        (NOBODYS, "key_unknown"),
    ],
)
def test_a_malformed_audience_is_refused(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId, audience: Any, code: str
) -> None:
    """As is one that names several projects, or one that does not exist."""
    spelt = json.loads(json.dumps(audience).replace("{}", project))

    assert refusal(sign_in(http, token_for(None, aud=spelt))) == code


def test_hopeless_tokens_never_reach_the_queue(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId
) -> None:
    """Their form, size, algorithm and expiry are checked first."""
    bad = {
        "token_malformed": "nonsense",
        "algorithm_not_allowed": jwt.encode({"aud": project}, None, algorithm="none"),
        "token_expired": token_for(project, exp=int(time.time()) - 600),
        "token_too_large": token_for(project, pad="x" * 9_000),
    }

    assert {code: refusal(sign_in(http, token)) for code, token in bad.items()} == {
        code: code for code in bad
    }
    assert refusal(http.post(CUSTOM)) == "token_malformed"
    assert refusal(http.post(CUSTOM, headers={"Authorization": "Basic YTpi"})) == "token_malformed"
    assert not worker.messages


def test_a_workers_refusal_is_passed_on(
    http: httpx.Client, gateway: RunningGateway, worker: ScriptedWorker, project: ProjectId
) -> None:
    """A bad token is 401, what may be tried again 503; both are counted."""
    answer = sign_in(http, token_for(project, refuse="key_revoked"))
    later = sign_in(http, token_for(project, refuse="unavailable"))

    assert refusal(answer) == "key_revoked"
    assert refusal(later, 503) == "unavailable"
    assert gateway.figure('refusals_total{code="key_revoked"}') == 1


def test_a_generation_revoked_meanwhile_is_refused(
    http: httpx.Client, worker: ScriptedWorker, a_project: Publish
) -> None:
    """What the node knows counts, even if the worker was earlier."""
    assert refusal(sign_in(http, token_for(a_project(epoch=2)))) == "key_revoked"


@pytest.mark.parametrize("patience", [SHORT_LIVED])
def test_without_an_answer_it_is_unavailable(
    http: httpx.Client, worker: ScriptedWorker, project: ProjectId
) -> None:
    """In bounded time, and Retry-After says when to come back."""
    answer = sign_in(http, token_for(project, silent=True))

    assert refusal(answer, 503) == "unavailable"
    assert int(answer.headers["retry-after"]) in range(1, 4)


def test_pages_of_allowed_origins_may_ask(
    http: httpx.Client, worker: ScriptedWorker, a_project: Publish
) -> None:
    """And read the answer; those of others are 403 and read nothing."""
    project = a_project(origins=(SHOP,))
    token = token_for(project)
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}

    preflight = http.options(CUSTOM, headers=asked)
    allowed = sign_in(http, token, Origin=SHOP)
    foreign = sign_in(http, token, Origin=OTHER)
    guest = http.post(GUEST, json={"id_project": project}, headers={"Origin": OTHER})

    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert "origin" in allowed.headers["vary"]
    for answer in (foreign, guest):
        assert refusal(answer, 403) == "origin_not_allowed"
        assert "access-control-allow-origin" not in answer.headers
    assert sign_in(http, token).status_code == 200  # no page at all
    assert len(worker.messages) == 2  # what foreign pages ask never reaches the queue


def test_one_address_may_ask_so_often(
    http: httpx.Client, worker: ScriptedWorker, a_project: Publish
) -> None:
    """As often as it may connect; in another project it starts anew."""
    project = a_project(limits=Limits(connects_per_address=2))

    answers = [http.post(GUEST, json={"id_project": project}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refusal(answers[-1], 429) == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)
    assert http.post(GUEST, json={"id_project": a_project()}).status_code == 200


def test_a_guest_is_nobody(http: httpx.Client, worker: ScriptedWorker, project: ProjectId) -> None:
    """Whatever it says of itself is left out, and every guest is another."""
    name = "penelope"  # which no random id or token spells
    claimed = {"firstname": name, "email": f"{name}@example.com", "_id": name, "role": "admin"}

    first, second = (
        http.post(GUEST, json={"id_project": project, **claimed}).json() for _ in range(2)
    )

    assert first["success"] is True
    assert first["user"]["_id"] != second["user"]["_id"]
    assert first["user"]["firstname"].startswith("guest#")
    claims = jwt.decode(first["token"].removeprefix("JWT "), options={"verify_signature": False})
    assert claims.items() >= first["user"].items()
    assert (claims["sub"], claims["aud"]) == ("guest", project)
    assert name not in json.dumps([first, claims])


def test_a_guests_project_must_be_named_and_exist(
    http: httpx.Client, worker: ScriptedWorker
) -> None:
    """422 without one, 404 for one that is none."""
    for fields in ({}, {"id_project": ""}, {"id_project": 7}, {"id_project": None}):
        assert refusal(http.post(GUEST, json=fields), 422) == "id_project_missing"
    assert refusal(http.post(GUEST), 422) == "id_project_missing"
    for unknown in (str(uuid.uuid4()), "{x}", "a:b"):
        answer = http.post(GUEST, json={"id_project": unknown})
        assert refusal(answer, 404) == "unknown_project"


def test_hostile_requests_are_answered(http: httpx.Client, worker: ScriptedWorker) -> None:
    """Bodies that are no JSON, no form or too large; headers that come twice; other methods."""
    as_json = {"Content-Type": "application/json"}
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"{", b"[1]", b"\xff", b'{"a":1,"a":2}', b"[" * 10_000):
        answer = http.post(GUEST, content=content, headers=as_json)
        assert refusal(answer, 400) == "malformed_body"
    answer = http.post(GUEST, content=b"&".join([b"a=1"] * 65), headers=as_form)
    assert refusal(answer, 400) == "malformed_body"
    answer = http.post(GUEST, content=b"x" * 17_000, headers=as_json)
    assert refusal(answer, 413) == "body_too_large"
    twice = [("Authorization", "JWT a"), ("Authorization", "JWT b")]
    assert refusal(http.post(CUSTOM, headers=twice), 400) == "bad_request"
    assert refusal(http.get(CUSTOM), 405) == "method_not_allowed"
    assert http.get(GUEST).headers["allow"] == "POST, OPTIONS"
