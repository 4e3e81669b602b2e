"""Rows that a newer release wrote, while this one still runs beside it or again after it."""

import pytest
from sqlalchemy.engine import Connection

from domain.events import EventKind
from domain.ids import EventId
from services.event_feed import read_events
from services.parking import EventNotFound, replay_event
from services.stores import Stores
from storage.redis.client import connect
from storage.sql import outbox
from storage.sql.engine import Database
from storage.sql.tables import outbox as table
from tests.integration.scenes import ADMINISTRATOR, SEALER, add_project, open_transactor, rotate

_NEWER = "VisitorForgotten"


def test_events_of_a_kind_that_is_not_known_yet(database: Database, redis_url: str) -> None:
    """They are nobody's here: the feed tells of all others, and nothing stumbles over them."""
    transactor, _ = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    project_id = add_project(transactor)
    for _ in range(3):
        rotate(transactor, project_id)
    before = read_events(stores, project_id, limit=10)
    newer = next(e for e in before if e.kind is EventKind.SECRET_ROTATED).event_id
    database.write(lambda db: _rename(db, newer, _NEWER))

    told = read_events(stores, project_id, limit=10)

    assert told == [event for event in before if event.event_id != newer]
    assert read_events(stores, project_id, limit=2) == told[:2]
    with database.reading() as db:
        assert outbox.find_event(db, newer) is None
    with pytest.raises(EventNotFound):
        replay_event(stores, newer, ADMINISTRATOR)
    database.write(lambda db: _rename(db, newer, EventKind.SECRET_ROTATED))  # for the contract
    assert read_events(stores, project_id, limit=10) == before
    stores.redis.close()


def _rename(db: Connection, event_id: EventId, kind: str) -> None:
    db.execute(table.update().where(table.c.event_id == event_id).values(kind=kind))
