"""What goes on in a project: live sessions, the figures of the last day, how long cuts took."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from domain.alarms import Alarm
from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from domain.projects import Project
from domain.rotations import Rotation
from domain.signing_secrets import SigningSecret
from services.alarms import WATCHED_QUEUES, is_silent, read_alarms
from services.stores import Stores
from storage.redis import figures, health, sessions
from storage.redis.figures import HOUR, SLOT, HourFigures, SignInCounts
from storage.sql import projects, rotations, signing_secrets

HOURS = 24
SLOTS = HOURS * (HOUR // SLOT)
LOOKED_THROUGH = 50
SHOWN_CUTS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """How many sessions were live at some time in a slot, by generation; None: anonymous."""

    slot: int
    live: dict[int | None, int]


@dataclass(frozen=True, slots=True)
class QueueRun:
    """When a task of the queue ran last, by Redis' clock, and whether one should have since."""

    queue: str
    at: datetime | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What Redis knows.

    Attributes:
        now: by the clock of who reads.
        sessions: live now, by generation; None: anonymous.
        counts: of the last 24 hours that the clock shows, the present one included.
        samples: of the last 24 hours to the minute, in their order; slots without any are left out.
        queues: those that are watched.
    """

    now: datetime
    sessions: dict[int | None, int]
    counts: SignInCounts
    samples: list[Sample]
    queues: list[QueueRun]


@dataclass(frozen=True, slots=True)
class Overview:
    """The project as it is now; `live` is None while Redis does not answer.

    Attributes:
        secrets: newest first.
        cuts: the latest rotations whose cut is done, newest first.
        alarms: what waits for somebody.
    """

    project: Project
    secrets: list[SigningSecret]
    cuts: list[Rotation]
    alarms: list[Alarm]
    live: LiveFigures | None


def read_overview(stores: Stores, project_id: ProjectId, now: datetime) -> Overview:
    """The project's overview.

    Raises:
        ProjectNotFound: there is no such project.
        StorageUnavailable: SQL does not answer.
    """
    with stores.database.reading() as db:
        project = projects.get_project(db, project_id)
        secrets = signing_secrets.list_secrets(db, project_id)
        cuts = _cuts(db, project_id)
    return Overview(
        project=project,
        secrets=sorted(secrets, key=lambda secret: -secret.generation),
        cuts=cuts,
        alarms=read_alarms(stores, project_id),
        live=_live_or_none(stores, project_id, now),
    )


def _cuts(db: Connection, project_id: ProjectId) -> list[Rotation]:
    latest = rotations.list_rotations(db, project_id, limit=LOOKED_THROUGH)
    return [rotation for rotation in latest if rotation.effective_at][:SHOWN_CUTS]


def _live_or_none(stores: Stores, project_id: ProjectId, now: datetime) -> LiveFigures | None:
    try:
        present = figures.hour_of(now)
        hours = figures.read_hours(stores.redis, project_id, range(present - HOURS, present + 1))
        return LiveFigures(
            now=now,
            sessions=sessions.count_by_generation(stores.redis, project_id),
            counts=_total(hours[1:]),
            samples=list(_samples(hours, figures.slot_of(now))),
            queues=list(_queues(stores)),
        )
    except StorageUnavailable:
        return None


def _total(hours: Iterable[HourFigures]) -> SignInCounts:
    counts = [hour.counts for hour in hours]
    return SignInCounts(
        sum((each.signed_in for each in counts), Counter()),
        sum((each.refused for each in counts), Counter()),
    )


def _samples(hours: Sequence[HourFigures], present: int) -> Iterator[Sample]:
    for hour in hours:
        first = figures.slot_of(hour.begins)
        for number in sorted(hour.live):
            if present - SLOTS < first + number <= present:
                yield Sample(first + number, hour.live[number])


def _queues(stores: Stores) -> Iterator[QueueRun]:
    now = health.read_clock(stores.redis)
    for queue, last in health.read_runs(stores.redis, WATCHED_QUEUES).items():
        silent = last is None or is_silent(last, now)
        yield QueueRun(queue, last.at if last else None, silent)
