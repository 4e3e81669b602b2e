"""Figures add up by the hour, and end by themselves."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import StorageUnavailable
from domain.ids import NodeId, ProjectId
from storage.redis import figures, keys, signals
from storage.redis.client import Redis
from storage.redis.exchange import ask_all, exchange
from storage.redis.figures import HourFigures, SignInCounts
from tests.waiting import SECONDS

NOW = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
NODE = NodeId("node")


def count(redis: Redis, project_id: ProjectId, counts: SignInCounts, now: datetime = NOW) -> None:
    """These are counted as a worker would, behind its answers."""
    signals.send_many(redis, [(NODE, {})], figures.counting({project_id: counts}, now))


def of_hour(redis: Redis, project_id: ProjectId, now: datetime = NOW) -> HourFigures:
    """The figures of the hour that this moment lies in."""
    [hour] = figures.read_hours(redis, project_id, [figures.hour_of(now)])
    return hour


def test_counts_of_an_hour_add_up(redis: Redis, project_id: ProjectId) -> None:
    """By generation and by code; the next hour begins with nothing."""
    count(redis, project_id, SignInCounts(Counter({1: 2, 2: 1}), Counter(token_expired=1)))
    count(redis, project_id, SignInCounts(Counter({2: 4}), Counter(token_expired=1, key_revoked=3)))

    hour = of_hour(redis, project_id)

    assert hour.begins == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert hour.counts.signed_in == {1: 2, 2: 5}
    assert hour.counts.refused == {"token_expired": 2, "key_revoked": 3}
    assert of_hour(redis, project_id, NOW + timedelta(hours=1)).counts == SignInCounts()


def test_samples_stand_in_their_slot(redis: Redis, project_id: ProjectId) -> None:
    """Twelve in an hour; the last of a slot counts, anonymous sessions under None."""
    for minutes, sample in ((0, {None: 7, 1: 1}), (2, {None: 8, 1: 2}), (5, {None: 9})):
        now = datetime(2026, 11, 22, 9, minutes, tzinfo=UTC)
        figures.note_samples(redis, {project_id: sample}, now)

    assert of_hour(redis, project_id).live == {0: {None: 8, 1: 2}, 1: {None: 9}}


def test_projects_are_kept_apart(redis: Redis, project_id: ProjectId) -> None:
    """Each has figures of its own, in a slot of its own."""
    other = ProjectId(str(uuid.uuid4()))
    count(redis, other, SignInCounts(Counter({1: 5})))

    assert of_hour(redis, project_id).counts == SignInCounts()
    assert keys.figures(other, 1).startswith(f"{{{other}}}:")


def test_figures_end_by_themselves(redis: Redis, project_id: ProjectId) -> None:
    """Two days after the last was added, however they began."""
    other = ProjectId(str(uuid.uuid4()))
    count(redis, project_id, SignInCounts(Counter({1: 1})))
    figures.note_samples(redis, {other: {1: 1}}, NOW)

    for each in (project_id, other):
        key = keys.figures(each, figures.hour_of(NOW))
        assert keys.FIGURES_SECONDS - 60 < redis.ttl(key) <= keys.FIGURES_SECONDS


def test_a_figure_that_is_not_taken_disturbs_no_answer(redis: Redis, project_id: ProjectId) -> None:
    """The node hears its outcomes even where what follows them fails."""
    redis.set(keys.figures(project_id, figures.hour_of(NOW)), "no hash")
    listener = redis.pubsub()
    listener.subscribe(keys.signals(NODE))
    assert listener.get_message(timeout=SECONDS) is not None

    noted = figures.counting({project_id: SignInCounts(Counter({1: 1}))}, NOW)

    assert signals.send_many(redis, [(NODE, {"type": "outcomes"})], noted) == 1
    listener.close()


def test_an_error_in_a_reply_is_told_where_it_matters(redis: Redis, project_id: ProjectId) -> None:
    """`exchange` hands it over, `ask_all` raises."""
    redis.set(project_id, "text")
    commands = [("GET", project_id), ("HGETALL", project_id)]

    good, bad = exchange(redis, commands)

    assert good == b"text"
    assert isinstance(bad, Exception)
    with pytest.raises(StorageUnavailable):
        ask_all(redis, commands)
