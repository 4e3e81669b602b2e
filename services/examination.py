"""Looking at the whole system, as `widget-auth doctor` does: what is right, what is not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

from domain.alarms import Alarm, AlarmKind
from domain.durability import check_postgresql, check_redis, check_sqlite
from domain.errors import StorageUnavailable
from domain.health import (
    CLOCKS_APART_SECONDS,
    CLOCKS_WRONG_SECONDS,
    Check,
    Level,
)
from services.alarms import WATCHED_QUEUES, read_alarms
from services.pulse import measure_clocks
from services.stores import Stores
from storage.redis import health, leases
from storage.redis.client import Redis, identify, read_facts
from storage.sql import parking
from storage.sql.durability import read_durability
from storage.sql.engine import now_of
from storage.sql.migrate import is_migrated

# The relay carries out what is this old by its own hands at the latest; then it is nobody's work.
UNDONE_FOR = timedelta(seconds=30)
NAMED = 5

_OF_ALARMS: Mapping[str, tuple[tuple[AlarmKind, Level], ...]] = {
    "projects": ((AlarmKind.PROJECT_HALTED, Level.FAILURE),),
    "rotations": (
        (AlarmKind.ROTATION_LATE, Level.FAILURE),
        (AlarmKind.ROTATION_POSTPONED, Level.WARNING),
    ),
    "parked_events": ((AlarmKind.EVENT_PARKED, Level.FAILURE),),
    "parked_messages": ((AlarmKind.MESSAGE_PARKED, Level.FAILURE),),
}
_QUIET = {
    "projects": "No project is halted.",
    "rotations": "No rotation is late or put off.",
    "parked_events": "No event is parked.",
    "parked_messages": "No message is parked.",
}


def examine(stores: Stores, broker: Redis | None) -> list[Check]:
    """Every check, in the same order every time.

    Args:
        stores: of the system.
        broker: the server of the queues, if it is a Redis.

    Raises:
        StorageUnavailable: SQL or Redis does not answer.
    """
    if not is_migrated(stores.database):
        message = "The database has not this version's tables. Run `widget-auth migrate`."
        return [
            Check("migrations", Level.FAILURE, message),
            _redis(stores),
            _broker(stores, broker),
        ]
    alarms = read_alarms(stores)
    return [
        Check("migrations", Level.FINE, "The database has this version's tables."),
        *_queues(alarms),
        _outbox(stores),
        *(_by_alarms(name, alarms) for name in _OF_ALARMS),
        _nodes(stores),
        _clocks(stores),
        _database(stores),
        _redis(stores),
        _broker(stores, broker),
    ]


def _queues(alarms: Iterable[Alarm]) -> Iterator[Check]:
    silent = {a.reference: a for a in alarms if a.kind is AlarmKind.QUEUE_SILENT}
    for queue in WATCHED_QUEUES:
        alarm = silent.get(queue)
        level = Level.FAILURE if alarm else Level.FINE
        message = alarm.message if alarm else f"Tasks of the queue {queue} run."
        yield Check(f"queue_{queue}", level, message)


def _outbox(stores: Stores) -> Check:
    with stores.database.reading() as db:
        backlog, now = parking.read_backlog(db), now_of(db)
    if backlog.oldest_at is None:
        return Check("outbox", Level.FINE, "Every event has been carried out.")
    age = now - backlog.oldest_at
    told = f"{backlog.undone} events wait, the oldest for {round(age.total_seconds())} seconds."
    if age < UNDONE_FOR:
        return Check("outbox", Level.FINE, told)
    message = f"{told} Look whether revocation and maintenance workers run and reach Redis."
    return Check("outbox", Level.FAILURE, message)


def _by_alarms(name: str, alarms: Iterable[Alarm]) -> Check:
    for kind, level in _OF_ALARMS[name]:
        found = [alarm for alarm in alarms if alarm.kind is kind]
        if found:
            return Check(name, level, f"{_named(found)}: {found[0].message}")
    return Check(name, Level.FINE, _QUIET[name])


def _named(found: list[Alarm]) -> str:
    whose = [" ".join(filter(None, (a.project_id, a.reference))) for a in found[:NAMED]]
    others = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(whose) + others


def _nodes(stores: Stores) -> Check:
    nodes = leases.list_nodes(stores.redis)
    living = sum(nodes.values())
    dead = sorted(node for node, alive in nodes.items() if not alive)
    if not living:
        message = "No gateway node holds its lease: nobody can connect. Start one."
        return Check("gateway_nodes", Level.FAILURE, message)
    told = f"{living} gateway nodes live." if living > 1 else "One gateway node lives."
    if dead:
        message = f"{told} Dead and not removed yet: {', '.join(dead[:NAMED])}. A sweep does that."
        return Check("gateway_nodes", Level.WARNING, message)
    return Check("gateway_nodes", Level.FINE, told)


def _clocks(stores: Stores) -> Check:
    """This process's clock, and those of the workers as they noted them themselves."""
    own = measure_clocks(stores)
    noted = health.read_runs(stores.redis, WATCHED_QUEUES).values()
    widest = max([own.widest, *(run.offsets.widest for run in noted if run)])
    message = (
        f"SQL {own.sql_seconds:+.3f} s, Redis {own.redis_seconds:+.3f} s from this process;"
        f" {widest:.3f} s at most, workers included."
    )
    if widest <= CLOCKS_APART_SECONDS:
        return Check("clocks", Level.FINE, message)
    level = Level.WARNING if widest <= CLOCKS_WRONG_SECONDS else Level.FAILURE
    return Check("clocks", level, f"{message} Have all machines set their clocks by NTP.")


def _database(stores: Stores) -> Check:
    with stores.database.reading() as db:
        settings = read_durability(db)
    check: Callable[[Mapping[str, str]], Check] = (
        check_sqlite if stores.database.is_sqlite else check_postgresql
    )
    return check(settings)


def _redis(stores: Stores) -> Check:
    facts = read_facts(stores.redis)
    return check_redis(facts.version, facts.eviction)


def _broker(stores: Stores, broker: Redis | None) -> Check:
    if broker is None:
        return Check("broker", Level.FINE, "The broker is no Redis, and is not looked into.")
    try:
        is_same = identify(broker).run_id == identify(stores.redis).run_id
    except StorageUnavailable:
        message = "The broker does not answer. Check WIDGET_AUTH_BROKER_URL and that it runs."
        return Check("broker", Level.FAILURE, message)
    if is_same:
        message = (
            "Queues and live state share one Redis: a flood of one weighs on the other."
            " In production give WIDGET_AUTH_BROKER_URL a server of its own."
        )
        return Check("broker", Level.WARNING, message)
    return Check("broker", Level.FINE, "Queues and live state have servers of their own.")
