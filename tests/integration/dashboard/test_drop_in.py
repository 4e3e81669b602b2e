"""Members at the drop-in endpoints: who gets a token, and for whom a secret is generated."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute

from dashboard import drop_in
from domain.ids import ProjectId
from domain.own_tokens import OwnTokens, Purpose
from domain.roles import Role
from services.members import add_member
from storage.sql.audit import AuditEntry, list_audit
from storage.sql.members import Member, replace_password_hash
from storage.sql.tables import members
from tests.integration.dashboard.serving import Api, nobody, serving, settings_of
from tests.integration.scenes import ADMINISTRATOR
from tests.servers.redis import RedisServer

PASSWORD = "correct horse battery"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SIGN_IN = "/auth/signin"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def behind(kept_database_url: str, redis_server: RedisServer) -> Iterator[Api]:
    """A dashboard behind a proxy of ours, so that every request can have an address of its own."""
    settings = settings_of(kept_database_url, redis_server.url, trusted_proxies="127.0.0.1")
    with serving(settings) as api:
        yield api


@pytest.fixture
def project(behind: Api) -> ProjectId:
    """A project without a secret."""
    return behind.project()


def new_member(api: Api, role: Role, project: ProjectId | None) -> Member:
    """Somebody of that role; an owner has no project."""
    email = f"member{next(_NUMBERS)}-{time.time_ns()}@example.com"
    return api.stores.transactor.run(
        lambda t: add_member(t, HASHER, project, email, role, PASSWORD, ADMINISTRATOR)
    )


def post(api: Api, path: str, **options: Any) -> httpx.Response:
    """The answer to a request from an address that nobody else has."""
    number = next(_NUMBERS)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    headers = {"X-Forwarded-For": address, **options.pop("headers", {})}
    return api.client.post(path, headers=headers, **options)


def signed_in(api: Api, member: Member) -> str:
    """The token that the member gets, with its scheme."""
    answer = post(api, SIGN_IN, json={"email": member.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def generate(api: Api, project: str, authorization: str, **headers: str) -> httpx.Response:
    """The answer to a wish for a new secret."""
    headers = {"Authorization": authorization, **headers}
    return post(api, f"/{project}/keys/generate", headers=headers)


def refusal(answer: httpx.Response, status: int) -> str:
    """The code of a refusal, which has the one form that refusals have."""
    body = answer.json()
    assert answer.status_code == status, body
    assert body.keys() == {"success", "msg", "code"}
    assert body["success"] is False
    assert body["msg"]
    assert "www-authenticate" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    code: str = body["code"]
    return code


def audit_of(api: Api, project: ProjectId) -> list[AuditEntry]:
    """The project's audit log, newest first."""
    with api.stores.database.reading() as db:
        return list_audit(db, project, limit=100)


def secrets_of(api: Api, project: ProjectId) -> list[str]:
    """The states of the project's secrets, newest first."""
    listed = api.caller(Role.ADMINISTRATOR, project).get(f"/projects/{project}/secrets")
    return [secret["state"] for secret in listed.json()["items"]]


def test_there_are_these_two(behind: Api) -> None:
    """A third would need somebody to decide who may: the walk of the API does not see it."""
    served = {route.path for route in drop_in.router.routes if isinstance(route, APIRoute)}

    assert served == {SIGN_IN, "/{project_id}/keys/generate"}
    assert len(served) == len(drop_in.router.routes)


def test_an_administrator_signs_in_and_generates(behind: Api, project: ProjectId) -> None:
    """The secret is shown this one time, every earlier one is revoked, and it is audited."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    answer = post(behind, SIGN_IN, json={"email": member.email.upper(), "password": PASSWORD})
    token = answer.json()["token"]

    first, second = generate(behind, project, token), generate(behind, project, token)

    user = {"_id": member.id, "id": member.id, "email": member.email}
    assert answer.json() == {"success": True, "token": token, "user": user}
    assert token.startswith("JWT ")
    assert [first.status_code, second.status_code] == [200, 200], first.text
    assert first.json().keys() == {"jwtSecret"}
    assert first.json() != second.json()
    assert len(first.json()["jwtSecret"]) == 64
    assert second.headers["cache-control"] == "no-store"
    assert secrets_of(behind, project) == ["active", "revoked"]
    by = {entry.action: entry.actor for entry in audit_of(behind, project)}
    assert by["member.token_issued"] == by["secret.generated"] == f"member:{member.id}"


def test_a_password_does_instead_of_a_token(behind: Api, project: ProjectId) -> None:
    """Basic authentication, as scripts use it; an owner's too."""
    for member in (
        new_member(behind, Role.ADMINISTRATOR, project),
        new_member(behind, Role.OWNER, None),
    ):
        basic = httpx.BasicAuth(member.email, PASSWORD)
        assert post(behind, f"/{project}/keys/generate", auth=basic).status_code == 200
        wrong = httpx.BasicAuth(member.email, PASSWORD + "!")
        answer = post(behind, f"/{project}/keys/generate", auth=wrong)
        assert refusal(answer, 401) == "sign_in_refused"


def test_nobody_learns_who_is_a_member(behind: Api, project: ProjectId) -> None:
    """A wrong password and an unknown address are answered alike."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    answers = [
        post(behind, SIGN_IN, json={"email": email, "password": "wrong password"})
        for email in (member.email, "nobody@example.com", "no address")
    ]

    assert {refusal(answer, 401) for answer in answers} == {"sign_in_refused"}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 422),
        (b'{"email":"a@example.com"}', 422),
        (b'{"email":"a@example.com","password":7}', 422),
        (b'{"email":"a@example.com","password":""}', 422),
        (b'{"email":null,"password":"x"}', 422),
        (b"[]", 422),
        (b"", 422),
        (b"{", 400),
        (b"x" * 70_000, 413),
    ],
)
def test_what_is_no_wish_to_sign_in(behind: Api, body: bytes, status: int) -> None:
    """It has an answer of the same form, which repeats nothing of what was sent."""
    headers = {"Content-Type": "application/json"}

    answer = post(behind, SIGN_IN, content=body, headers=headers)

    assert refusal(answer, status)
    assert "a@example.com" not in answer.text


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AGENT])
def test_only_administrators_generate(behind: Api, project: ProjectId, role: Role) -> None:
    """Others are refused, and that is audited."""
    token = signed_in(behind, new_member(behind, role, project))

    assert refusal(generate(behind, project, token), 403) == "access_refused"
    assert audit_of(behind, project)[0].action == "access.refused"
    assert secrets_of(behind, project) == []


def test_other_peoples_projects_are_refused(behind: Api, project: ProjectId) -> None:
    """As are those that do not exist; only an owner is told so."""
    token = signed_in(behind, new_member(behind, Role.ADMINISTRATOR, project))
    owners = signed_in(behind, new_member(behind, Role.OWNER, None))

    for other in (behind.project(), nobody(), "x"):
        assert refusal(generate(behind, other, token), 403) == "access_refused"
    assert refusal(generate(behind, nobody(), owners), 404) == "project_not_found"
    assert generate(behind, project, owners).status_code == 200


def test_a_members_token_opens_nothing_else(behind: Api, project: ProjectId) -> None:
    """Neither the admin API, nor a visitor's session."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    token = signed_in(behind, member)
    generate(behind, project, token)
    administrator = behind.caller(Role.ADMINISTRATOR, project)

    for authorization in (token, token.replace("JWT", "Bearer")):
        answer = behind.client.get("/api/v1/projects", headers={"Authorization": authorization})
        assert answer.status_code == 401
    inspected = administrator.post(f"/projects/{project}/tokens/inspect", json={"token": token})
    assert inspected.json()["code"] == "signature_invalid"


def test_what_is_no_members_token(behind: Api, project: ProjectId) -> None:
    """Another key, another purpose, none at all, too old: 401 without a challenge."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    tokens: OwnTokens = behind.dashboard.app.state.member_tokens
    good = signed_in(behind, member).removeprefix("JWT ")
    claims = jwt.decode(good, options={"verify_signature": False})
    now, lasts = datetime.now(UTC), timedelta(minutes=15)
    head, payload, signature = good.split(".")
    forged = {**claims, "memberships": {member.id: "x"}}
    bad = {
        "": "",
        "scheme": good,
        "bearer": f"Bearer {good}",
        "api key": f"Bearer {behind.key(Role.ADMINISTRATOR, project)}",
        "basic": "Basic !!!",
        "no colon": "Basic YWJj",
        "unsigned": f"JWT {jwt.encode(claims, None, algorithm='none')}",
        "cut": f"JWT {head}.{payload}.{signature[:-2]}",
        "other key": f"JWT {OwnTokens(b'k' * 32, Purpose.MEMBER).sign(claims, now, lasts)}",
        "other purpose": f"JWT {OwnTokens(b'k' * 32, Purpose.GUEST).sign(claims, now, lasts)}",
        "too old": f"JWT {tokens.sign(claims, now - 2 * lasts, lasts)}",
        "nobody's": f"JWT {tokens.sign({'_id': member.id}, now, lasts)}",
        "forged membership": f"JWT {tokens.sign(forged, now, lasts)}",
    }

    for name, authorization in bad.items():
        assert refusal(generate(behind, project, authorization), 401), name
    twice = [("Authorization", f"JWT {good}")] * 2
    assert behind.client.post(f"/{project}/keys/generate", headers=twice).status_code == 401
    assert secrets_of(behind, project) == []
    assert generate(behind, project, f"JWT {good}").status_code == 200


def test_a_token_ends_with_the_password_and_the_membership(behind: Api, project: ProjectId) -> None:
    """Not only with its time."""
    changed, removed = (new_member(behind, Role.ADMINISTRATOR, project) for _ in range(2))
    tokens = [signed_in(behind, member) for member in (changed, removed)]

    run = behind.stores.transactor.run
    run(lambda t: replace_password_hash(t.db, changed, HASHER.hash("another password")))
    run(lambda t: t.db.execute(members.delete().where(members.c.id == removed.id)))

    for token in tokens:
        assert refusal(generate(behind, project, token), 401) == "sign_in_refused"


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(
    behind: Api, project: ProjectId, header: dict[str, str]
) -> None:
    """A browser that knows a password must not be made to use it."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    basic = httpx.BasicAuth(member.email, PASSWORD)
    wish = {"email": member.email, "password": PASSWORD}

    answers = [
        post(behind, f"/{project}/keys/generate", auth=basic, headers=header),
        post(behind, SIGN_IN, json=wish, headers=header),
    ]

    assert {refusal(answer, 403) for answer in answers} == {"cross_site_refused"}
    assert secrets_of(behind, project) == []


def test_passwords_cannot_be_tried_for_long(behind: Api, project: ProjectId) -> None:
    """Five a minute and account, wherever they are tried; then it says when to come back."""
    member = new_member(behind, Role.ADMINISTRATOR, project)
    wish = {"email": member.email, "password": "wrong password"}
    basic = httpx.BasicAuth(member.email, "wrong password")
    for _ in range(3):
        assert post(behind, SIGN_IN, json=wish).status_code == 401
    for _ in range(2):
        assert post(behind, f"/{project}/keys/generate", auth=basic).status_code == 401

    answer = post(behind, SIGN_IN, json={**wish, "password": PASSWORD})

    assert refusal(answer, 429) == "too_many_requests"
    assert int(answer.headers["retry-after"]) in range(1, 61)
