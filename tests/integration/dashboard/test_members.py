"""Members: invited by a link or added with a password, and removed; nobody rises by it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from dashboard.runtime import PASSWORDS_A_MINUTE
from domain.ids import ProjectId
from domain.roles import Role
from services.invitations import LASTS, InvitationOver
from services.invitations import accept as accept_in_sql
from services.members import LastOwner, remove_member
from services.transactions import Transaction
from storage.sql.audit import AuditEntry, list_audit
from storage.sql.memberships import list_members, lock_owners
from storage.sql.tables import invitations, members
from tests.integration.dashboard.browsing import PASSWORD, Browsing, browsing, new_member
from tests.integration.dashboard.serving import (
    Api,
    Caller,
    error_of,
    nobody,
    serving,
    settings_of,
)
from tests.integration.scenes import ADMINISTRATOR
from tests.servers.redis import RedisServer
from tests.waiting import SECONDS, somebody_waits_for_a_lock, wait_until

JOAN = {"email": " Joan@Example.com ", "role": "operator"}


@pytest.fixture(scope="module")
def api(kept_database_url: str, redis_server: RedisServer) -> Iterator[Api]:
    """A dashboard to which each browser comes from an address of its own."""
    settings = settings_of(kept_database_url, redis_server.url, trusted_proxies="127.0.0.0/8")
    with serving(settings) as api:
        yield api


def invited(administrator: Caller, project_id: ProjectId, **others: str) -> dict[str, Any]:
    """A new invitation, with its link."""
    answer = administrator.post(f"/projects/{project_id}/members", json={**JOAN, **others})
    assert answer.status_code == 201, answer.text
    assert answer.json()["member"] is None
    invitation: dict[str, Any] = answer.json()["invitation"]
    return invitation


def token_of(invitation: dict[str, Any]) -> str:
    """What stands behind the `#` of its link."""
    link, _, token = str(invitation["link"]).partition("#")
    assert link.endswith("/invitation")
    return token


def accept(browser: Browsing, token: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """The answer to the form that accepts it."""
    form = {"token": token, "password": password, "repeated": password, **more}
    return browser.client.post("/invitation/accept", data=form)


def audit_of(api: Api, project_id: ProjectId) -> list[AuditEntry]:
    """The project's latest entries, newest first."""
    with api.stores.database.reading() as db:
        return list_audit(db, project_id, limit=50)


def listed(caller: Caller, project_id: ProjectId, what: str = "members") -> list[dict[str, Any]]:
    """The items of a list of the project."""
    items: list[dict[str, Any]] = caller.get(f"/projects/{project_id}/{what}").json()["items"]
    return items


def test_an_invitation_makes_a_member_who_is_signed_in(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """By the link, with a password of their own, in the role they were invited to; once."""
    invitation = invited(administrator, project_id)
    token = token_of(invitation)
    assert [each["email"] for each in listed(administrator, project_id, "invitations")] == [
        "joan@example.com"
    ]

    with browsing(api) as browser, browsing(api) as late:
        opened = browser.client.post("/invitation", data={"token": token})
        done = accept(browser, token)
        inside = browser.get(done.headers["location"], follow_redirects=True)
        by_api = browser.get(f"/api/v1/projects/{project_id}/rotations")
        secrets = browser.get(f"/api/v1/projects/{project_id}/secrets")
        again = accept(late, token)

    assert opened.status_code == 200
    assert "joan@example.com" in opened.text
    assert (done.status_code, inside.status_code) == (303, 200)
    assert (by_api.status_code, secrets.status_code) == (200, 403)
    assert (again.status_code, late.token) == (409, "")
    [member] = listed(administrator, project_id)
    assert (member["email"], member["role"]) == ("joan@example.com", "operator")
    assert member["last_seen_at"]
    assert listed(administrator, project_id, "invitations") == []
    entries = [entry for entry in audit_of(api, project_id) if "refused" not in entry.action]
    assert [entry.action for entry in entries[:3]] == [
        "member.signed_in",
        "invitation.accepted",
        "member.invited",
    ]
    assert {entry.actor for entry in entries[:2]} == {f"member:{member['id']}"}
    assert "joan" not in str(entries)
    assert token not in str(entries)


def test_a_link_makes_one_member_however_many_accept_it_at_once(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Who found it good, and had to wait for whoever was first, is told that it is over."""
    token = token_of(invited(administrator, project_id))
    transactor = api.stores.transactor

    def accept_second() -> str:
        try:
            transactor.run(lambda t: accept_in_sql(t, token, "another hash", None))
        except InvitationOver:
            return "over"
        return "accepted"

    with ThreadPoolExecutor(1) as threads:

        def accept_first(transaction: Transaction) -> "Future[str]":
            accept_in_sql(transaction, token, "a hash", None)
            second = threads.submit(accept_second)
            if transaction.db.dialect.name == "postgresql":  # SQLite has one writer anyway
                wait_until(partial(somebody_waits_for_a_lock, api.stores.database))
            return second

        second = transactor.run(accept_first)
        assert second.result(SECONDS) == "over"

    assert len(listed(administrator, project_id)) == 1


def test_two_owners_cannot_remove_each_other(api: Api) -> None:
    """At the same moment, each by the other: one of them stays."""
    transactor = api.stores.transactor
    pair = [new_member(api, Role.OWNER).id for _ in range(2)]

    def leave_the_pair(transaction: Transaction) -> None:
        for owner_id in lock_owners(transaction.db):
            if owner_id not in pair:
                remove_member(transaction, None, owner_id, ADMINISTRATOR)

    transactor.run(leave_the_pair)

    def remove(owner_id: str) -> str:
        try:
            transactor.run(lambda t: remove_member(t, None, owner_id, ADMINISTRATOR))
        except LastOwner:
            return "stays"
        return "removed"

    with ThreadPoolExecutor(2) as threads:
        outcomes = sorted(threads.map(remove, pair))

    assert outcomes == ["removed", "stays"]


def test_a_link_is_not_kept(api: Api, administrator: Caller, project_id: ProjectId) -> None:
    """SQL holds its digest, no list and no page the link; the link's page knows nothing."""
    token = token_of(invited(administrator, project_id))
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        page = browser.get(f"/projects/{project_id}/members").text
        empty = browser.get("/invitation").text
    with api.stores.database.reading() as db:
        stored = str(db.execute(invitations.select()).all())

    assert "joan@example.com" in page
    told = page + empty + stored + str(listed(administrator, project_id, "invitations"))
    assert token not in told


def test_a_link_is_over_when_it_is(api: Api, administrator: Caller, project_id: ProjectId) -> None:
    """After 7 days, once withdrawn, once another was sent, once they are a member: nothing."""
    replaced = token_of(invited(administrator, project_id))
    withdrawn = invited(administrator, project_id)
    path = f"/projects/{project_id}/invitations/{withdrawn['id']}"
    assert administrator.delete(path).status_code == 204
    assert administrator.delete(path).status_code == 404
    expired = token_of(invited(administrator, project_id, email="late@example.com"))
    api.stores.database.write(
        lambda db: db.execute(
            invitations.update()
            .where(invitations.c.email == "late@example.com")
            .values(expires_at=datetime.now(UTC))
        )
    )
    added = token_of(invited(administrator, project_id, email="added@example.com"))
    new_member(api, Role.AGENT, project_id, email="added@example.com")

    with browsing(api) as browser:
        for token in (replaced, token_of(withdrawn), expired, added, "", "x" * 43, "é", "\0"):
            answers = (browser.client.post("/invitation", data={"token": token}),)
            for answer in (*answers, accept(browser, token)):
                assert answer.status_code == 409, token
                assert "Nothing to accept" in answer.text
        assert browser.token == ""
    assert listed(administrator, project_id, "invitations") == []


def test_a_link_lasts_a_week(administrator: Caller, project_id: ProjectId) -> None:
    """To the day."""
    expires_at = datetime.fromisoformat(invited(administrator, project_id)["expires_at"])

    left = expires_at - datetime.now(UTC)
    assert 0 <= (LASTS - left).total_seconds() < 120
    assert LASTS.days == 7


def test_an_unusable_password_accepts_nothing(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """The form comes back with the reason, and the link is good still."""
    token = token_of(invited(administrator, project_id))
    with browsing(api) as browser:
        short = accept(browser, token, "short")
        differing = accept(browser, token, repeated="something else")
        assert (short.status_code, differing.status_code) == (422, 422)
        assert PASSWORD not in differing.text
        assert accept(browser, token).status_code == 303


def test_accepting_ends_who_was_signed_in_there(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """The page says so beforehand; the former cookie is worth nothing."""
    owner = new_member(api, Role.OWNER)
    token = token_of(invited(administrator, project_id))
    with browsing(api, owner) as browser:
        before = browser.token
        opened = browser.client.post("/invitation", data={"token": token})
        accept(browser, token)
        assert owner.email in opened.text
        assert browser.get("/api/v1/system/health").status_code in (403, 404)
        browser.hold(before)
        assert browser.get("/account").status_code == 303


def test_links_cannot_be_tried_for_long(api: Api) -> None:
    """Thirty a minute from one address; each guess is one of 2 to the 256."""
    with browsing(api) as browser:
        answers = [browser.client.post("/invitation", data={"token": "x"}) for _ in range(31)]

    assert [answer.status_code for answer in answers] == [409] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)


def test_a_member_with_a_password_signs_in_at_once(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """No invitation is left of them; the password is in no answer."""
    invited(administrator, project_id)
    body = {**JOAN, "password": PASSWORD}
    answer = administrator.post(f"/projects/{project_id}/members", json=body)
    twice = administrator.post(f"/projects/{project_id}/members", json=body)
    invitation = administrator.post(f"/projects/{project_id}/members", json=JOAN)

    assert answer.status_code == 201, answer.text
    assert answer.json()["invitation"] is None
    assert PASSWORD not in answer.text
    assert listed(administrator, project_id, "invitations") == []
    assert [each.status_code for each in (twice, invitation)] == [409] * 2
    assert error_of(twice)["code"] == "member_exists"
    with browsing(api) as browser:
        assert browser.sign_in("joan@example.com").status_code == 303
        assert browser.token


def test_nobody_keeps_others_from_signing_in_by_adding_members(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Passwords are hashed a few at a time: ten a minute for one caller; invitations go on."""
    [own] = listed(administrator, project_id, "api_keys")
    for _ in range(PASSWORDS_A_MINUTE):
        api.dashboard.runtime.additions.admit(f"api_key:{own['id']}")

    body = {**JOAN, "password": PASSWORD}
    answer = administrator.post(f"/projects/{project_id}/members", json=body)

    assert (answer.status_code, error_of(answer)["code"]) == (429, "too_many_requests")
    assert listed(administrator, project_id) == []
    assert invited(administrator, project_id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "joan@example.com"},
        {**JOAN, "role": "king"},
        {**JOAN, "email": "joan"},
        {**JOAN, "email": "a b@example.com"},
        {**JOAN, "email": "x" * 320 + "@example.com"},
        {**JOAN, "email": "\udc00@example.com"},
        {**JOAN, "password": "short"},
        {**JOAN, "password": "\ud800" * 12},
        {**JOAN, "password": "x" * 1025},
        {**JOAN, "id": nobody()},
    ],
)
def test_unusable_members_are_refused(
    administrator: Caller, project_id: ProjectId, body: dict[str, Any]
) -> None:
    """422 with where it is wrong, and nobody is added."""
    answer = administrator.post(f"/projects/{project_id}/members", json=body)

    assert answer.status_code == 422, answer.text
    assert error_of(answer)["details"]["fields"]
    assert "short" not in answer.text
    assert listed(administrator, project_id) == []


def test_nobody_makes_somebody_wider_than_themselves(
    api: Api, administrator: Caller, owner: Caller, project_id: ProjectId
) -> None:
    """An administrator makes no owner, of people or of keys: 403, audited; an owner none here."""
    wishes = {
        "members": {"email": "boss@example.com", "role": "owner"},
        "api_keys": {"name": "all", "role": "owner"},
    }
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        for what, body in wishes.items():
            answer = administrator.post(f"/projects/{project_id}/{what}", json=body)
            page = browser.submit(f"/projects/{project_id}/{what.replace('_', '-')}", **body)
            assert (answer.status_code, page.status_code) == (403, 403)
            assert error_of(answer)["code"] == "access_refused"
            assert owner.post(f"/projects/{project_id}/{what}", json=body).status_code == 422

    refused = [e for e in audit_of(api, project_id) if e.action == "access.refused"]
    assert [(entry.details or {})["action"] for entry in reversed(refused)] == [
        *("members.add", "members.add"),
        *("api_keys.create", "api_keys.create"),
    ]
    assert listed(administrator, project_id, "invitations") == []
    assert len(listed(administrator, project_id, "api_keys")) == 1  # the administrator's own


def test_who_is_removed_is_out_at_once(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Their browsers and their password; their other project, and other people, are untouched."""
    elsewhere = api.project()
    email = f"two-{project_id}@example.com"
    here = new_member(api, Role.ADMINISTRATOR, project_id, email=email)
    there = new_member(api, Role.AGENT, elsewhere, email=email)
    other = new_member(api, Role.OPERATOR, project_id)
    with browsing(api, here) as one, browsing(api, here, there) as both, browsing(api, other) as o:
        pages = [f"/projects/{each}/inbox" for each in (project_id, elsewhere)]
        assert both.get(pages[0]).status_code == 200

        answer = administrator.delete(f"/projects/{project_id}/members/{here.id}")

        assert answer.status_code == 204, answer.text
        assert one.get("/account").status_code == 303
        assert [both.get(page).status_code for page in pages] == [404, 200]
        assert o.get("/account").status_code == 200
    again = administrator.delete(f"/projects/{project_id}/members/{here.id}")
    foreign = administrator.delete(f"/projects/{project_id}/members/{there.id}")
    assert error_of(again)["code"] == error_of(foreign)["code"] == "member_not_found"
    [entry] = [e for e in audit_of(api, project_id) if e.action == "member.removed"]
    assert entry.details == {"member_id": here.id, "role": "administrator"}


def test_who_is_removed_keeps_no_way_back(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Links that they made are worth nothing; keys only if that is wanted, others' never."""
    member = new_member(api, Role.ADMINISTRATOR, project_id)
    made = []
    with browsing(api, member) as browser:
        token = {"X-CSRF-Token": browser.csrf_token}
        base = f"/api/v1/projects/{project_id}"
        answer = browser.client.post(f"{base}/members", json=JOAN, headers=token)
        link = token_of(answer.json()["invitation"])
        for name in ("one", "two"):
            body = {"name": name, "role": "administrator"}
            answer = browser.client.post(f"{base}/api_keys", json=body, headers=token)
            made.append(api.caller_with(answer.json()["api_key"]))
        page = browser.get(f"/projects/{project_id}/members").text
    assert "They made 2 API keys" in page

    path = f"/projects/{project_id}/members/{member.id}"
    assert administrator.delete(path, params={"revoke_api_keys": "true"}).status_code == 204

    assert [each.get("/projects").status_code for each in made] == [401, 401]
    assert administrator.get("/projects").status_code == 200
    with browsing(api) as browser:
        assert accept(browser, link).status_code == 409


def test_keys_of_who_is_removed_stay_good_unless_asked(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Programs go on; the question is put to whoever removes."""
    member = new_member(api, Role.ADMINISTRATOR, project_id)
    with browsing(api, member) as browser:
        made = browser.client.post(
            f"/api/v1/projects/{project_id}/api_keys",
            json={"name": "one", "role": "operator"},
            headers={"X-CSRF-Token": browser.csrf_token},
        )

    administrator.delete(f"/projects/{project_id}/members/{member.id}")

    assert api.caller_with(made.json()["api_key"]).get("/projects").status_code == 200


def test_the_last_owner_stays(api: Api) -> None:
    """Another one may be removed, and the last one not."""
    transactor = api.stores.transactor
    added = [new_member(api, Role.OWNER) for _ in range(2)]
    keep = added[0].id

    def all_but_one(transaction: Any) -> None:
        for owner_id in lock_owners(transaction.db):
            if owner_id != keep:
                remove_member(transaction, None, owner_id, ADMINISTRATOR)
        with pytest.raises(LastOwner):
            remove_member(transaction, None, keep, ADMINISTRATOR)
        assert [each.member.id for each in list_members(transaction.db, None, limit=9)] == [keep]
        raise Undone  # other tests have owners of their own

    with pytest.raises(Undone):
        transactor.run(all_but_one)
    with api.stores.database.reading() as db:
        assert db.execute(members.select().where(members.c.id == keep)).first()


class Undone(Exception):
    """Takes back what a transaction has done."""


def test_another_browser_of_ones_own_is_signed_out(api: Api) -> None:
    """That one alone; somebody else's is not one's own to end."""
    mine, other = new_member(api, Role.OWNER), new_member(api, Role.OWNER)
    with (
        browsing(api, mine) as one,
        browsing(api, mine) as two,
        browsing(api, mine) as three,
        browsing(api, other) as theirs,
    ):
        digests = _sign_ins(one)
        assert (len(digests), _sign_ins(theirs)) == (2, [])
        theirs.submit("/account/sign-out-elsewhere", sign_in=digests[0])
        assert [each.get("/account").status_code for each in (two, three)] == [200, 200]

        said = one.submit("/account/sign-out-elsewhere", sign_in=digests[0])

        assert said.status_code == 303
        after = sorted(each.get("/account").status_code for each in (two, three))
        assert after == [200, 303]
        assert one.get("/account").status_code == 200


def _sign_ins(browser: Browsing) -> list[str]:
    parts = browser.get("/account").text.split('name="sign_in" value="')[1:]
    return [part.partition('"')[0] for part in parts]
