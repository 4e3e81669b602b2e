"""The overview's figures from real stores; and what is left of it while one is away."""

import re
from datetime import UTC, datetime, timedelta

from domain.health import ClockOffsets
from domain.ids import ProjectId
from domain.roles import Role
from services.alarms import WATCHED_QUEUES
from services.read_overview import read_overview
from services.sign_out_everywhere import sign_out_everywhere
from storage.redis import figures, health, keys
from storage.redis.figures import HOUR, SLOT, SignInCounts
from storage.redis.signals import send_many
from storage.sql import projects
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.people import connect_widgets, new_id, sign_in
from tests.integration.dashboard.serving import Api, serving, settings_of
from tests.integration.scenes import ADMINISTRATOR, rotate
from tests.servers.redis import RedisServer

NOW = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)


def count(api: Api, project_id: ProjectId, ago: timedelta, generation: int, code: str) -> None:
    """So long ago there was a sign-in and a refusal."""
    counts = SignInCounts()
    counts.signed_in[generation] += 1
    counts.refused[code] += 1
    send_many(api.stores.redis, [], figures.counting({project_id: counts}, NOW - ago))


def test_a_day_is_24_hours(api: Api, project_id: ProjectId, redis_server: RedisServer) -> None:
    """Counts of the hours that began in it, samples to the minute, sessions as they are now."""
    rotate(api.stores.transactor, project_id)
    for ago in (timedelta(), 23 * HOUR, 24 * HOUR, 25 * HOUR):
        count(api, project_id, ago, 1, "token_expired")
    for ago in (timedelta(), timedelta(days=1) - SLOT, timedelta(days=1), 2 * HOUR):
        figures.note_samples(api.stores.redis, {project_id: {None: 3}}, NOW - ago)
    connect_widgets(api, redis_server.url, project_id, [new_id()] * 2)

    overview = read_overview(api.stores, project_id, NOW)

    assert overview.live is not None
    assert overview.live.counts.signed_in == {1: 2}
    assert overview.live.counts.refused == {"token_expired": 2}
    last = figures.slot_of(NOW)
    assert [last - sample.slot for sample in overview.live.samples] == [287, 24, 0]
    assert overview.live.sessions == {None: 2}


def test_secrets_and_cuts_are_the_newest_first(api: Api, project_id: ProjectId) -> None:
    """The first secret has no cut; a regenerate has one at once."""
    for _ in range(3):
        rotate(api.stores.transactor, project_id)

    overview = read_overview(api.stores, project_id, NOW)

    assert [secret.generation for secret in overview.secrets] == [3, 2, 1]
    assert [cut.new_key_id for cut in overview.cuts] == [
        secret.key_id for secret in overview.secrets[:2]
    ]
    assert all(cut.effective_at for cut in overview.cuts)


def test_who_may_not_know_secrets_sees_no_part_of_one(api: Api, project_id: ProjectId) -> None:
    """An administrator sees the last four characters, an operator the number only."""
    made = rotate(api.stores.transactor, project_id)
    sign_in(api, project_id, made.secret, "ada")
    pages = {}
    for role in (Role.ADMINISTRATOR, Role.OPERATOR):
        with browsing(api, new_member(api, role, project_id)) as browser:
            pages[role] = browser.get(f"/projects/{project_id}/overview").text

    ending = f"…{made.secret[-4:]}"
    assert "Secret 1" in pages[Role.OPERATOR]
    assert ending in pages[Role.ADMINISTRATOR]
    assert ending not in pages[Role.OPERATOR]


def test_an_alarm_stands_first_with_what_to_do(api: Api, project_id: ProjectId) -> None:
    """A project that is halted says so on its overview; others do not."""
    api.stores.transactor.run(lambda t: projects.halt_project(t.db, project_id, 7, t.now))
    other = api.project()
    told = {}
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        for id_ in (project_id, other):
            told[id_] = browser.get(f"/projects/{id_}/overview").text

    assert "Nobody can sign in" in told[project_id]
    assert "widget-auth project settle" in told[project_id]
    assert "Nobody can sign in" not in told[other]


def test_a_queue_that_does_not_run_is_told(api: Api, project_id: ProjectId) -> None:
    """By name, with where to look; one that ran a moment ago works."""
    api.stores.redis.delete(*map(keys.last_run, WATCHED_QUEUES))
    health.note_run(api.stores.redis, "revocation", "w1", 60.0, ClockOffsets(0.0, 0.0))

    with browsing(api, new_member(api, Role.OPERATOR, project_id)) as browser:
        text = browser.get(f"/projects/{project_id}/overview").text

    assert "No task of the queue verification has run" in text
    assert "The queue revocation works." in text


def test_every_link_leads_somewhere(api: Api, project_id: ProjectId) -> None:
    """Of the overview, before and after the first secret, and of the log, within the project."""
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        overview = f"/projects/{project_id}/overview"
        links = {*links_of(browser.get(overview).text)}
        ada = sign_in(api, project_id, rotate(api.stores.transactor, project_id).secret, "ada")
        api.stores.transactor.run(
            lambda t: sign_out_everywhere(t, project_id, ada.visitor_id, ADMINISTRATOR)
        )
        rotate(api.stores.transactor, project_id)
        links |= {*links_of(browser.get(overview).text)}
        links |= {*links_of(browser.get(f"/projects/{project_id}/audit").text)}
        answers = {link: browser.get(link, follow_redirects=True).status_code for link in links}

    kinds = {link.split("/")[3] for link in links}
    assert kinds >= {"authentication", "inspector", "rotations", "visitors"}
    assert {link for link, status in answers.items() if status != 200} == set()


def links_of(page: str) -> list[str]:
    """Where its links lead, within a project."""
    return re.findall(r'<a [^>]*href="(/projects/[^"/]+/[^"]*)"', page)


def test_without_redis_there_is_a_page_all_the_same(kept_database_url: str) -> None:
    """With what SQL knows, and that the rest is away."""
    with serving(settings_of(kept_database_url, "redis://127.0.0.1:1/0")) as api:
        project_id = api.project()
        rotate(api.stores.transactor, project_id)
        with browsing(api, new_member(api, Role.OPERATOR, project_id)) as browser:
            answer = browser.get(f"/projects/{project_id}/overview")

    assert answer.status_code == 200
    assert "Live state is away" in answer.text
    assert "Secret 1" in answer.text


def test_the_inspector_page_has_the_apis_limit(api: Api, project_id: ProjectId) -> None:
    """30 a minute, then 429 with the time to wait; nothing pasted is told so and not counted."""
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        path = f"/projects/{project_id}/inspector"
        assert browser.submit(path, token=" ").status_code == 422
        answers = [browser.submit(path, token="a.b.c") for _ in range(31)]

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)
    assert "a.b.c" not in answers[0].text


def test_filters_of_the_log_that_are_none_are_told(api: Api, project_id: ProjectId) -> None:
    """On the page, at the field, whatever somebody wrote into the address."""
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        path = f"/projects/{project_id}/audit"
        answers = {
            text: browser.get(path, params={"since": text})
            for text in ("yesterday", "0001-01-01T00:00", "9999-12-31T23:59", "2026-01-01T00:00")
        }

    told = {text: "Give a date and a time." in answer.text for text, answer in answers.items()}
    assert list(told.values()) == [True, True, True, False]
    assert [answer.status_code for answer in answers.values()] == [422, 422, 422, 200]
