"""What is wrong now: the one answer for the command line, the metrics and the dashboard."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from domain.alarms import Alarm, AlarmKind
from domain.events import OutboxEvent
from domain.health import seconds_until_silent
from domain.ids import ProjectId
from domain.projects import Project
from domain.rotations import Moved, Rotation
from services.stores import Stores
from storage.redis import health
from storage.redis.health import LastRun
from storage.sql import parking, projects, rotations
from storage.sql.engine import now_of
from storage.sql.parking import ParkedKind

MOST_OF_A_KIND = 200
OVERDUE = timedelta(minutes=1)

# The queues whose tasks are watched; each has its own workers.
WATCHED_QUEUES = ("verification", "revocation", "maintenance")

_POSTPONED = {
    Moved.NEW_SECRET_UNUSED: (
        "The new secret has never verified a token, so the cut would have locked everyone out."
        " Deploy it on the site; or run the rotation with force."
    ),
    Moved.SECRET_WAITING: (
        "The new secret was never revealed, so no site can sign with it. Reveal and deploy it."
    ),
    Moved.NEVER_OFFLINE: (
        "By the operating hours chat is never offline, so the cut has no date."
        " Give the rotation a time, or change the hours."
    ),
}
_MISSED = (
    "The cut was found too late, with chat open again, and waits for the next off-hours."
    " Find out why no worker ran it in time."
)
_OVERDUE = (
    "The cut is due and has not happened. Look whether beat and a maintenance worker run,"
    " and for rotation_not_run in their logs."
)
_HALTED = (
    "Redis knows of revocations that the database has lost, so nobody can sign in."
    " Find out what the database lost (a restore, a failover); then `widget-auth project settle`."
)
_PARKED_EVENT = (
    "could not be carried out for too long and is not repeated any more."
    " Look for event_not_carried_out in the workers' logs; then `widget-auth outbox replay`."
)
_PARKED_MESSAGE = (
    "Somebody sends what no release of ours sends, or sealed it with other keys."
    " See `widget-auth outbox list --parked`; dismiss it there once you know whence it came."
)


def read_alarms(stores: Stores, project_id: ProjectId | None = None) -> list[Alarm]:
    """Everything that waits for somebody, the same order every time; of one project, where asked.

    What is the whole system's (queues, parked messages) is told only without a project.

    Raises:
        StorageUnavailable: a store does not answer.
    """
    with stores.database.reading() as db:
        found = [*_alarms_of_projects(db, project_id)]
        if project_id is None:
            found += map(_of_messages, parking.list_parked_kinds(db))
    if project_id is None:
        found += _silent_queues(stores)
    return found


def _alarms_of_projects(db: Connection, only: ProjectId | None) -> Iterator[Alarm]:
    for project in projects.list_halted_projects(db, limit=MOST_OF_A_KIND, only=only):
        yield _of_halt(project)
    overdue_since = now_of(db) - OVERDUE
    for rotation in rotations.list_troubled(db, overdue_since, limit=MOST_OF_A_KIND, only=only):
        yield _of_rotation(rotation, overdue_since)
    for event in parking.list_undone(db, only, parked=True, limit=MOST_OF_A_KIND):
        yield _of_event(event)


def _of_halt(project: Project) -> Alarm:
    return Alarm(AlarmKind.PROJECT_HALTED, project.id, project.halted_at, _HALTED)


def _of_rotation(rotation: Rotation, overdue_since: datetime) -> Alarm:
    kind, since, message = AlarmKind.ROTATION_LATE, rotation.moved_at, _MISSED
    if rotation.due_at and rotation.due_at <= overdue_since:
        since, message = rotation.due_at, _OVERDUE
    elif rotation.moved_because in _POSTPONED:
        kind, message = AlarmKind.ROTATION_POSTPONED, _POSTPONED[rotation.moved_because]
    return Alarm(kind, rotation.project_id, since, message, rotation.id)


def _of_event(event: OutboxEvent) -> Alarm:
    message = f"{event.kind} {_PARKED_EVENT}"
    kind = AlarmKind.EVENT_PARKED
    return Alarm(kind, event.project_id, event.parked_at, message, event.event_id)


def _of_messages(parked: ParkedKind) -> Alarm:
    count = "A message" if parked.times == 1 else f"{parked.times} messages"
    message = f"{count} for {parked.task} came to nothing ({parked.because}). {_PARKED_MESSAGE}"
    return Alarm(AlarmKind.MESSAGE_PARKED, None, parked.since, message, parked.newest_id)


def _silent_queues(stores: Stores) -> Iterator[Alarm]:
    now = health.read_clock(stores.redis)
    for queue, last in health.read_runs(stores.redis, WATCHED_QUEUES).items():
        if last is None or is_silent(last, now):
            ago = f"for {round((now - last.at).total_seconds())} seconds" if last else "of late"
            message = (
                f"No task of the queue {queue} has run {ago}."
                f" Look whether beat runs, and a worker with -Q {queue}."
            )
            yield Alarm(AlarmKind.QUEUE_SILENT, None, last.at if last else None, message, queue)


def is_silent(last: LastRun, now: datetime) -> bool:
    """Whether the queue should have run a task since; `now` is by Redis' clock."""
    return (now - last.at).total_seconds() > seconds_until_silent(last.every_seconds)
