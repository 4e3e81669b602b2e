"""A project of 100,000 visitors: the same statements as a small one, found by indexes alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from domain.ids import DeviceId, RequestId, SessionId, VisitorId
from domain.outcomes import Sent, SignedIn
from services.sign_out_visitors import SignOutRequest
from storage.sql import messages, old_devices, outbox, signing_out, tables, visitors
from storage.sql.engine import Database, now_of
from storage.sql.old_devices import OldDevice
from tests.integration.people.crowd import device_id, person_id, populate
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import mint, new_device, request

LARGE = {"visitors", "devices", "merges", "messages", "outbox"}
MOST_ROWS = 30_000
"""Many times what some hundred sign-ins and messages need of a table by its right index."""


@dataclass(frozen=True)
class Statement:
    """One that was executed."""

    text: str
    parameters: Any


@contextmanager
def statements(database: Database) -> Iterator[list[Statement]]:
    """Everything that the writing engine executes meanwhile."""
    seen: list[Statement] = []

    def note(_db: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        seen.append(Statement(text, parameters))

    sa.event.listen(database.writer, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(database.writer, "before_cursor_execute", note)


def use(site: PeopleSite, count: int) -> list[Statement]:
    """What batches of so many sign-ins and messages execute: known, unknown, merging, writing."""
    requests = [
        request(
            site.project_id,
            mint(site.secret, f"person-{number}" if number % 2 else f"new-{number}-{count}"),
            new_device(site.project_id),
        )
        for number in range(1, count + 1)
    ]
    sockets = [site.socket() for _ in range(count)]
    writings = [site.writing(socket, "hello") for socket in sockets]
    with statements(site.database) as seen:
        outcomes = site.verifier.verify(requests).outcomes
        stored = site.store.store(writings)
    assert all(isinstance(outcome, SignedIn) for outcome in outcomes)
    assert all(isinstance(outcome, Sent) for outcome in stored)
    return seen


def leave(site: PeopleSite, count: int) -> None:
    """So many sign out in one batch, and then an operator signs each of them out everywhere."""
    sockets = [site.socket() for _ in range(count)]
    for socket in sockets:
        site.sign_in(socket, f"leaver-{next(site.numbers)}")
    asked = [
        SignOutRequest(RequestId(f"out-{n}"), site.project_id, SessionId("s"), socket.device)
        for n, socket in enumerate(sockets)
    ]
    assert len(site.signer_out.sign_out(asked)) == count
    for socket in sockets:
        site.sign_out_everywhere(socket.visitor)


def texts(seen: Sequence[Statement]) -> list[str]:
    """What was executed, without what it was given."""
    return [statement.text for statement in seen]


def test_a_batch_costs_the_same_statements_whatever_its_size(site: PeopleSite) -> None:
    """For 2 requests and for 128, to the letter."""
    site.sign_in(site.socket(), "person-1")
    assert texts(use(site, 2)) == texts(use(site, 128))


def test_a_large_project_costs_what_a_small_one_does(site: PeopleSite, database: Database) -> None:
    """100,000 visitors, 200,000 devices: the same statements as at 1,000, all by indexes."""
    populate(site, 1, 500)
    few = texts(use(site, 100))
    populate(site, 501, 50_000)

    seen = use(site, 100)

    assert texts(seen) == few
    with database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(tables.visitors)) >= 100_000
        assert db.scalar(sa.select(sa.func.count()).select_from(tables.devices)) >= 200_000
    for statement in seen:
        assert not _tables_read_whole(database, statement), statement.text


def test_plans_kept_from_small_tables_read_no_table_whole(
    site: PeopleSite, database: Database
) -> None:
    """Connections plan while nothing is stored, and go on by the right indexes as tables grow."""
    if database.is_sqlite:
        pytest.skip("SQLite plans anew where its statistics change, and has none here")
    for _ in range(3):
        use(site, 8)
        use(site, 128)
        leave(site, 16)
    read = "SELECT relname, seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables"

    def rows_read(db: sa.Connection) -> dict[str, tuple[int, int]]:
        db.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        db.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        return {name: tuple(read) for name, *read in db.exec_driver_sql(read) if name in LARGE}

    populate(site, 1_001, 3_000)
    before = database.write(rows_read)
    use(site, 128)
    leave(site, 16)
    after = database.write(rows_read)
    for table in LARGE:
        (whole, by_index), (whole_before, by_index_before) = after[table], before[table]
        assert whole == whole_before, table
        assert by_index - by_index_before < MOST_ROWS, table


def test_of_a_persons_devices_only_open_ones_are_read(site: PeopleSite) -> None:
    """However often they have signed in; of the open ones the latest, where that is enough."""
    populate(site, 1, 500)
    site.database.write(lambda db: _sign_in_often(db, site))
    for work in (lambda db: _note_left(db, 1), lambda db: _end_devices(db, 1)):
        with statements(site.database) as seen:
            site.database.write(work)
        plans = "".join(_plan(site.database, statement) for statement in seen)
        assert "ix_devices_visitor_open" in plans
        assert "ix_devices_visitor_id" not in plans
        assert "ix_devices_open" not in plans


def _sign_in_often(db: sa.Connection, site: PeopleSite) -> None:
    """The first person has had 3,000 devices, one after the other."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    of = {"project_id": site.project_id, "visitor_id": person_id(1)}
    ended = {**of, "created_at": moment, "ended_at": moment}
    db.execute(tables.devices.insert(), [{**ended, "id": f"ended-{n}"} for n in range(3_000)])
    db.exec_driver_sql("ANALYZE")


def test_reading_goes_by_indexes(site: PeopleSite) -> None:
    """A thread, the conversations, a person, a page of events, the erasure of old ones."""
    populate(site, 1, 5_000)
    for work in looks(site):
        with statements(site.database) as seen:
            assert site.database.write(work)
        for statement in seen:
            assert not _tables_read_whole(site.database, statement), statement.text


def looks(site: PeopleSite) -> list[Callable[[sa.Connection], object]]:
    """What is read, and last what is erased and what ends."""
    one = person_id(1)
    return [
        lambda db: messages.list_messages(db, one, limit=50),
        lambda db: messages.list_conversations(db, site.project_id, limit=50),
        lambda db: messages.find_last_id(db, site.project_id),
        lambda db: outbox.find_last_id(db, site.project_id),
        lambda db: visitors.list_devices(db, one, limit=50),
        lambda db: visitors.get_person(db, site.project_id, "person-7"),
        lambda db: _note_left(db, 100),
        lambda db: outbox.erase_done(db, now_of(db), 50),
        lambda db: old_devices.erase_devices(db, silent_devices(site)),
        lambda db: _end_devices(db, 100),
    ]


def _note_left(db: sa.Connection, count: int) -> int:
    now = now_of(db)
    return signing_out.note_left(db, _persons(count), now, proofs_since=now)


def _end_devices(db: sa.Connection, count: int) -> list[DeviceId]:
    return signing_out.end_devices_of(db, _persons(count), now_of(db))


def _persons(count: int) -> list[VisitorId]:
    return [VisitorId(person_id(n)) for n in range(1, count + 1)]


def silent_devices(site: PeopleSite) -> list[OldDevice]:
    """Open devices of a hundred persons with which nobody wrote."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    found = [(DeviceId(device_id(n)), VisitorId(person_id(n))) for n in range(1, 101)]
    project = site.project_id
    return [OldDevice(device, project, owner, moment, is_open=True) for device, owner in found]


def _tables_read_whole(database: Database, statement: Statement) -> set[str]:
    """Those of the large tables that the statement's plan scans without an index."""
    if statement.text.lstrip().split(maxsplit=1)[0] not in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
        return set()
    with database.writer.connect() as db:
        try:
            if database.is_sqlite:
                return _scanned_by_sqlite(db, statement)
            return _scanned_by_postgresql(db, statement)
        finally:
            db.rollback()


def _plan(database: Database, statement: Statement) -> str:
    """How the database goes about a statement, in its own words."""
    parameters = statement.parameters
    word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.writer.connect() as db:
        plan = db.exec_driver_sql(f"{word} {statement.text}", parameters)
        lines = [str(row) for row in plan]
        db.rollback()
    return "\n".join(lines)


def _scanned_by_sqlite(db: sa.Connection, statement: Statement) -> set[str]:
    parameters = statement.parameters
    if isinstance(parameters, list):
        parameters = parameters[0]
    plan = db.exec_driver_sql("EXPLAIN QUERY PLAN " + statement.text, parameters)
    steps = [str(row[3]).split() for row in plan]
    whole = [step for step in steps if step[0] == "SCAN" and "INDEX" not in step]
    return {step[1] for step in whole} & LARGE


def _scanned_by_postgresql(db: sa.Connection, statement: Statement) -> set[str]:
    plan = db.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement.text, statement.parameters)
    found = plan.scalar_one()
    nodes = [(found if isinstance(found, list) else json.loads(found))[0]["Plan"]]
    whole = set()
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan":
            whole.add(node["Relation Name"])
    return whole & LARGE
