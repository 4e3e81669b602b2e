"""Signing in with a password: who is let in, how often one may try, how long it lasts."""

import secrets
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from domain.ids import ProjectId
from domain.roles import Role
from services.member_sign_ins import LASTS_AT_MOST, LASTS_UNUSED, digest_of
from services.passwords import Busy, Passwords
from storage.sql.audit import list_audit
from storage.sql.engine import now_of
from storage.sql.member_sign_ins import find_signed_in
from storage.sql.members import find_member
from storage.sql.tables import sign_ins
from tests.integration.dashboard.browsing import PASSWORD, Browsing, browsing, new_member
from tests.integration.dashboard.conftest import on_usual_kinds
from tests.integration.dashboard.serving import Api, serving, settings_of
from tests.servers.redis import RedisServer
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def proxied(kept_database_url: str, redis_server: RedisServer) -> Iterator[Api]:
    """A dashboard to which each browser comes from an address of its own."""
    settings = settings_of(kept_database_url, redis_server.url, trusted_proxies="127.0.0.0/8")
    with serving(settings) as api:
        yield api


def move(api: Api, token: str, **past: timedelta) -> None:
    """The sign-in is as if these of its times had been so much earlier."""
    row = sign_ins.c.digest == digest_of(token)

    def use_case(db: Any) -> None:
        before = db.execute(sign_ins.select().where(row)).mappings().one()
        moved = {name: before[name] - span for name, span in past.items()}
        db.execute(sign_ins.update().where(row).values(moved))

    api.stores.database.write(use_case)


def test_the_cookie_is_random_out_of_reach_and_not_stored(proxied: Api) -> None:
    """HttpOnly, Lax, for this host; SQL knows its digest alone."""
    member = new_member(proxied, Role.OWNER)
    with browsing(proxied) as one, browsing(proxied) as other:
        answer = one.sign_in(member.email)
        other.sign_in(member.email)
        cookie = answer.headers["set-cookie"]
        tokens = {one.token, other.token}

    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert [len(token) for token in tokens] == [43, 43]
    with proxied.stores.database.reading() as db:
        stored = str(db.execute(sign_ins.select()).all())
    assert not [token for token in tokens if token in stored]


def test_behind_tls_the_cookie_is_the_hosts_own(
    kept_database_url: str, redis_server: RedisServer
) -> None:
    """`__Host-` and Secure: neither another host nor a plain request can set it."""
    settings = settings_of(
        kept_database_url, redis_server.url, public_url="https://chat.example.com"
    )
    with serving(settings) as api, browsing(api) as browser:
        member = new_member(api, Role.OWNER)
        cookie = browser.sign_in(member.email).headers["set-cookie"]

    assert cookie.startswith("__Host-widget_auth=")
    assert "Secure" in cookie.split("; ")


def test_signing_in_anew_makes_the_former_cookie_worthless(proxied: Api) -> None:
    """Whoever had planted or copied it has nothing."""
    member = new_member(proxied, Role.OWNER)
    with browsing(proxied) as browser:
        browser.sign_in(member.email)
        before = browser.token
        browser.sign_in(member.email)
        assert browser.token != before
        assert browser.get("/account").status_code == 200
        browser.hold(before)
        assert browser.get("/account").status_code == 303


@on_usual_kinds
def test_an_account_may_be_tried_five_times_a_minute(proxied: Api) -> None:
    """Known or not, from wherever; then even the right password has to wait."""
    member = new_member(proxied, Role.OWNER)
    for email in (member.email, "nobody@example.com"):
        with browsing(proxied) as browser:
            answers = [
                browser.sign_in(
                    f" {email.upper()} ", "wrong", headers={"X-Forwarded-For": f"192.0.2.{n}"}
                )
                for n in range(6)
            ]
            right = browser.sign_in(email, headers={"X-Forwarded-For": "192.0.2.99"})
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert right.status_code == 429
        assert int(right.headers["retry-after"]) in range(1, 61)


@on_usual_kinds
def test_an_address_may_try_five_times_a_minute(proxied: Api) -> None:
    """Whichever accounts; another address is not concerned."""
    with browsing(proxied) as browser:
        here = {"X-Forwarded-For": "198.51.100.1"}
        there = {"X-Forwarded-For": "198.51.100.2"}
        answers = [browser.sign_in(f"a{n}@example.com", headers=here) for n in range(6)]
        other = browser.sign_in("a9@example.com", headers=there)

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert other.status_code == 401


class SlowHasher(PasswordHasher):
    """Takes until it is told that it may end, and notes how many have been at it."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.may_end = threading.Event()
        self.most_at_once = self._at_once = 0
        self._noting = threading.Lock()

    def verify(self, *given: Any) -> Any:
        """Whether they fit, in the end."""
        with self._noting:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.may_end.wait()
        with self._noting:
            self._at_once -= 1
        return super().verify(*given)


def test_few_passwords_are_hashed_at_a_time() -> None:
    """One at work and one waiting; the third is told to come again, and later all is free."""
    slow = SlowHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(slow, at_once=1, waiting=1)
    outcomes: list[str] = []

    def try_once() -> None:
        try:
            outcomes.append(str(passwords.fits(None, PASSWORD)))
        except Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=try_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: outcomes == ["busy"] * 4)
    slow.may_end.set()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["False"] * 2 + ["busy"] * 4
    assert slow.most_at_once == 1
    try_once()
    assert outcomes[-1] == "False"


def test_a_crowded_door_is_503(proxied: Api) -> None:
    """With when to come again; the password was not looked at."""
    turns = proxied.dashboard.runtime.door.passwords._places
    taken = 0
    while turns.acquire(blocking=False):
        taken += 1
    try:
        with browsing(proxied) as browser:
            answer = browser.sign_in("ada@example.com")
    finally:
        for _ in range(taken):
            turns.release()

    assert answer.status_code == 503
    assert "try again" in answer.text


def test_a_strangers_password_costs_as_much_as_a_members() -> None:
    """Within the noise of any machine: time does not tell who is known."""
    passwords = Passwords(PasswordHasher(time_cost=20, memory_cost=4096, parallelism=1))
    known = passwords.hash(PASSWORD)

    def seconds(password_hash: str | None) -> float:
        began = time.thread_time()
        passwords.fits(password_hash, "wrong")
        return time.thread_time() - began

    pairs = [(seconds(None), seconds(known)) for _ in range(5)]  # by turns: it may slow down
    strangers, members = map(min, zip(*pairs, strict=True))

    assert 0.1 < strangers / members < 10


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ({"seen_at": LASTS_UNUSED - timedelta(minutes=5)}, 200),
        ({"seen_at": LASTS_UNUSED}, 303),
        ({"expires_at": LASTS_AT_MOST - timedelta(minutes=5)}, 200),
        ({"expires_at": LASTS_AT_MOST}, 303),
    ],
)
def test_a_sign_in_ends_unused_and_at_the_latest(
    api: Api, past: dict[str, timedelta], status: int
) -> None:
    """After 12 hours without use, after 7 days whatever the use; using it counts as use."""
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        move(api, browser.token, **past)
        assert browser.get("/account").status_code == status
        if status == 200 and "seen_at" in past:
            move(api, browser.token, seen_at=timedelta(hours=1))
            assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("headers", "is_use"),
    [({}, True), ({"X-Unattended": "1"}, False), ({"Accept": "text/event-stream"}, False)],
)
def test_a_page_that_is_open_does_not_use_its_sign_in(
    api: Api, project_id: ProjectId, headers: dict[str, str], *, is_use: bool
) -> None:
    """Its stream and what it fetches by itself are answered, and note nothing."""
    hour = timedelta(hours=1)
    with browsing(api, new_member(api, Role.AGENT, project_id)) as browser:
        move(api, browser.token, seen_at=hour)
        path = f"/projects/{project_id}/inbox/changes"
        with browser.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200
        with api.stores.database.reading() as db:
            found = find_signed_in(db, digest_of(browser.token))
            assert found
            assert (now_of(db) - found[0].seen_at < hour) is is_use


def test_a_hash_of_older_parameters_is_made_anew(proxied: Api) -> None:
    """At the next sign-in, when the password is at hand."""
    member = new_member(proxied, Role.OWNER)
    assert "m=8,t=1" in member.password_hash
    with browsing(proxied) as browser:
        assert browser.sign_in(member.email).status_code == 303
        assert browser.sign_in(member.email).status_code == 303
        assert browser.get("/account").status_code == 200

    with proxied.stores.database.reading() as db:
        after = find_member(db, None, member.email)
    assert after is not None
    assert "m=65536" in after.password_hash


def test_one_password_opens_every_membership_it_is_right_for(proxied: Api) -> None:
    """And no other: whoever adds somebody's address to a project opens nothing of theirs."""
    first, second, foreign = (proxied.project() for _ in range(3))
    email = "grace@example.com"
    new_member(proxied, Role.ADMINISTRATOR, first, email=email)
    new_member(proxied, Role.AGENT, second, email=email)
    new_member(proxied, Role.ADMINISTRATOR, foreign, email=email, password="chosen by another")

    with browsing(proxied) as browser:
        browser.sign_in(email)
        listed = browser.get("/api/v1/projects").json()["items"]
        visible = {
            project_id: browser.get(f"/api/v1/projects/{project_id}/secrets").status_code
            for project_id in (first, second, foreign)
        }
        home = browser.get("/")

    assert {each["id"] for each in listed} == {first}, "agents do not read projects"
    assert second in home.text
    assert visible == {first: 200, second: 403, foreign: 404}
    assert home.status_code == 200
    assert foreign not in home.text


@pytest.mark.parametrize(
    ("roles", "status", "readable"),
    [
        ((Role.OPERATOR, Role.AGENT), 200, {0}),
        ((Role.AGENT, Role.ADMINISTRATOR), 200, {1}),
        ((Role.AGENT, Role.OPERATOR, Role.ADMINISTRATOR), 200, {1, 2}),
        ((Role.AGENT, Role.AGENT), 403, set()),
    ],
)
def test_projects_are_listed_where_the_role_reads_them(
    api: Api, roles: tuple[Role, ...], status: int, readable: set[int]
) -> None:
    """Whichever membership is the oldest."""
    projects = [api.project() for _ in roles]
    email = f"{secrets.token_hex(6)}@example.com"
    members = [
        new_member(api, role, project, email=email)
        for role, project in zip(roles, projects, strict=True)
    ]

    with browsing(api, *members) as browser:
        answer = browser.get("/api/v1/projects")

    assert answer.status_code == status
    listed = {each["id"] for each in answer.json().get("items", ())}
    assert listed == {projects[n] for n in readable}


def test_a_password_is_changed_where_it_was_right(api: Api, project_id: ProjectId) -> None:
    """The former one opens nothing, this browser goes on with another cookie, others are out."""
    member = new_member(api, Role.OPERATOR, project_id)
    with browsing(api, member) as here, browsing(api, member) as there:
        before = here.token
        wrong = change(here, "not it at all")
        mistyped = here.submit(
            "/account/password", present=PASSWORD, wanted="one new sentence", repeated="another"
        )
        short = change(here, PASSWORD, "short")
        done = change(here, PASSWORD)
        assert [wrong.status_code, mistyped.status_code, short.status_code] == [422] * 3
        assert done.status_code == 303
        assert here.token != before
        assert here.get("/account").status_code == 200
        assert there.get("/account").status_code == 303
        here.hold(before)
        assert here.get("/account").status_code == 303

    with api.stores.database.reading() as db:
        actions = [entry.action for entry in list_audit(db, project_id, limit=10)]
    assert "member.password_changed" in actions


def change(browser: Browsing, present: str, wanted: str = "one new sentence") -> Any:
    """The answer to the form that changes the password."""
    return browser.submit("/account/password", present=present, wanted=wanted, repeated=wanted)


def test_signing_in_and_out_is_audited(api: Api, project_id: ProjectId) -> None:
    """As the member, with where from; never with an address or a password."""
    member = new_member(api, Role.AGENT, project_id)
    with browsing(api, member) as browser:
        assert browser.submit("/sign-out").status_code == 303
        assert browser.get("/account").status_code == 303

    with api.stores.database.reading() as db:
        entries = list_audit(db, project_id, limit=2)
    assert [entry.action for entry in entries] == ["member.signed_out", "member.signed_in"]
    assert {entry.actor for entry in entries} == {f"member:{member.id}"}
    assert member.email not in str(entries)


def test_signing_out_everywhere_ends_every_browser(api: Api) -> None:
    """This one and the other; other members' go on."""
    member, other = new_member(api, Role.OWNER), new_member(api, Role.OWNER)
    with browsing(api, member) as one, browsing(api, member) as two, browsing(api, other) as three:
        assert one.submit("/account/sign-out-everywhere").status_code == 303
        answers = [each.get("/account").status_code for each in (one, two, three)]

    assert answers == [303, 303, 200]
