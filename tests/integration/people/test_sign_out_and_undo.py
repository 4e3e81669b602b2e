"""Signing out everywhere, undoing a merge, and the events that tell of it."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.events import EventKind
from domain.ids import ProjectId, VisitorId
from domain.merging import is_superseded
from domain.outcomes import DeviceEnded, RefusedRequest, SignedIn
from services.event_feed import KEPT, erase_old_events
from services.sign_out_everywhere import VisitorAnonymous
from services.stores import Stores
from services.undo_merge import AlreadyUndone
from storage.redis.client import connect
from storage.sql import messages, outbox, visitors
from storage.sql.audit import list_audit
from storage.sql.merges import MergeNotFound
from storage.sql.tables import outbox as outbox_table
from storage.sql.visitors import VisitorNotFound
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import SEALER, add_project


def later() -> int:
    """A time of issue that no sign-out of this second supersedes."""
    return int(time.time()) + 2


def test_signed_out_everywhere(site: PeopleSite) -> None:
    """Epoch, devices and tokens of before are worth nothing; a fresh token works."""
    socket, other = site.socket(), site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    site.sign_in(other, "ada")

    done = site.sign_out_everywhere(ada)

    assert (done.visitor_id, done.person_epoch, done.devices_ended) == (ada, 1, 2)
    assert isinstance(site.try_to_say(socket, "late"), DeviceEnded)
    refused = site.try_to_sign_in(site.socket(), "ada", iat=int(time.time()) - 5)
    assert isinstance(refused, RefusedRequest)
    assert refused.code == "token_superseded"
    again = site.sign_in(site.socket(), "ada", iat=later())
    assert (again.visitor_id, again.person_epoch) == (ada, 1)


def test_a_token_without_time_of_issue_is_superseded_for_good(site: PeopleSite) -> None:
    """Nobody can say that it was issued after the sign-out; whole seconds, and no leeway."""
    moment = datetime.now(UTC)
    assert is_superseded(moment, None)
    assert is_superseded(moment, moment.replace(microsecond=0))
    assert not is_superseded(moment, moment.replace(microsecond=0) + timedelta(seconds=1))
    assert not is_superseded(None, None)


def test_signing_out_an_absorbed_id_signs_the_person_out(site: PeopleSite) -> None:
    """Redirects are followed."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    laptop = site.socket()
    anonymous = laptop.visitor
    site.sign_in(laptop, "ada")
    assert site.sign_out_everywhere(anonymous).visitor_id == ada


def test_nobody_is_signed_out_who_is_nobody(site: PeopleSite) -> None:
    """Anonymous visitors, unknown ids, other projects' people."""
    socket = site.socket()
    site.say(socket, "hello")
    with pytest.raises(VisitorAnonymous):
        site.sign_out_everywhere(socket.visitor)
    with pytest.raises(VisitorNotFound):
        site.sign_out_everywhere(VisitorId("01900000-0000-7000-8000-000000000000"))

    ada = site.sign_in(site.socket(), "ada").visitor_id
    site.project_id = add_project(site.transactor)
    with pytest.raises(VisitorNotFound):
        site.sign_out_everywhere(ada)


def test_only_a_device_that_sql_holds_is_said_to_have_ended(site: PeopleSite) -> None:
    """Whoever says hello and signs out, over and over, leaves nothing behind."""
    silent, writer = site.socket(), site.socket()
    site.say(writer, "hello")
    held = writer.device

    assert site.sign_out(silent).ended_device_id is None
    assert site.sign_out(writer).ended_device_id == held


def test_an_undone_merge(site: PeopleSite) -> None:
    """What was written where stays there; what came later stays with the survivor."""
    phone, laptop = site.socket(), site.socket()
    ada = site.sign_in(phone, "ada").visitor_id
    site.say(laptop, "anonymous")
    anonymous = laptop.visitor
    site.sign_in(laptop, "ada")
    site.say(laptop, "as ada")
    [merge] = site.merges(ada)

    undone = site.undo(merge.id)

    assert undone.undone_at is not None
    assert site.words(anonymous) == ["anonymous"]
    assert site.words(ada) == ["as ada"]
    with site.database.reading() as db:
        held = [d for id_ in (ada, anonymous) for d in visitors.list_devices(db, id_, limit=9)]
        person = visitors.get_visitor(db, site.project_id, ada)
        conversations = messages.list_conversations(db, site.project_id, limit=10)
    assert [c.last_message.text for c in conversations] == ["as ada", "anonymous"]
    assert all(device.ended_at for device in held)
    assert (person.person_epoch, person.not_before) == (1, None)
    assert isinstance(site.try_to_say(phone, "late"), DeviceEnded)


def test_an_undone_pair_never_merges_again(site: PeopleSite) -> None:
    """Not even if the absorbed record's device came back to life."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    laptop = site.socket()
    device, anonymous = laptop.device, laptop.visitor
    site.sign_in(laptop, "ada")
    site.undo(site.merges(ada)[0].id)
    revive = sa.text("UPDATE devices SET ended_at = NULL WHERE id = :id")
    site.database.write(lambda db: db.execute(revive, {"id": device}))

    outcome = site.sign_in(site.socket(device), "ada", iat=later())

    assert (outcome.visitor_id, outcome.merged) == (ada, ())
    with site.database.reading() as db:
        assert visitors.get_visitor(db, site.project_id, anonymous).id == anonymous


def test_a_second_undo_is_refused_clearly(site: PeopleSite) -> None:
    """As is one of nothing, or of another project's merge."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    site.sign_in(site.socket(), "ada")
    [merge] = site.merges(ada)
    site.undo(merge.id)
    with pytest.raises(AlreadyUndone):
        site.undo(merge.id)
    with pytest.raises(MergeNotFound):
        site.undo("01900000-0000-7000-8000-000000000000")
    site.project_id = add_project(site.transactor)
    with pytest.raises(MergeNotFound):
        site.undo(merge.id)


def test_who_did_it_is_audited(site: PeopleSite) -> None:
    """Sign-outs by operators and undone merges stand in the log."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    site.sign_in(site.socket(), "ada")
    site.undo(site.merges(ada)[0].id)
    site.sign_out_everywhere(ada)
    with site.database.reading() as db:
        actions = [entry.action for entry in list_audit(db, site.project_id, limit=2)]
    assert actions == ["visitor.signed_out", "merge.undone"]


def test_the_feed_tells_everything_in_order(site: PeopleSite) -> None:
    """Verified, merged, undone, signed out: one event each, and no personal claim in any."""
    socket = site.socket()
    ada = site.sign_in(socket, "ada", name="Ada Lovelace", email="ada@example.com").visitor_id
    site.sign_in(site.socket(), "ada")
    site.undo(site.merges(ada)[0].id)
    site.sign_out_everywhere(ada)
    other = site.socket()
    site.sign_in(other, "bob")
    site.sign_out(other)

    with site.database.reading() as db:
        events = outbox.list_events(db, site.project_id, limit=100)
        by_pages = _by_pages(db, site.project_id)

    kinds = [event.kind for event in events if event.kind is not EventKind.SECRET_ROTATED]
    assert kinds == [
        EventKind.VISITOR_VERIFIED,
        EventKind.VISITOR_VERIFIED,
        EventKind.VISITORS_MERGED,
        EventKind.MERGE_UNDONE,
        EventKind.VISITOR_SIGNED_OUT,
        EventKind.VISITOR_VERIFIED,
        EventKind.VISITOR_SIGNED_OUT,
    ]
    assert by_pages == events
    assert not any(word in str(events) for word in ("Lovelace", "ada@example.com"))
    undone = [e.kind for e in events if e.done_at is None]
    assert undone == [EventKind.MERGE_UNDONE, EventKind.VISITOR_SIGNED_OUT]


def _by_pages(db: sa.Connection, project_id: ProjectId) -> list[object]:
    found: list[object] = []
    after: str | None = None
    while page := outbox.list_events(db, project_id, limit=2, after=after):
        found += page
        after = page[-1].event_id
    return found


def test_old_events_are_erased_once_they_are_done(site: PeopleSite, redis_url: str) -> None:
    """An event that nobody carried out stays, however old; a sweep goes on while it has time."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    site.sign_out_everywhere(ada)
    stores = Stores(site.transactor, connect(redis_url), SEALER)
    assert erase_old_events(stores) == 0
    month_ago = datetime.now(UTC) - KEPT - timedelta(days=1)
    site.database.write(lambda db: _age(db, month_ago))

    assert erase_old_events(stores, at_once=1) == 2

    with site.database.reading() as db:
        left = [event.kind for event in outbox.list_events(db, site.project_id, limit=10)]
    assert left == [EventKind.VISITOR_SIGNED_OUT]
    stores.redis.close()


def _age(db: sa.Connection, moment: datetime) -> None:
    """Every event has an id of that time."""
    milliseconds = int(moment.timestamp() * 1000)
    prefix = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"
    for number, row in enumerate(db.execute(sa.select(outbox_table.c.event_id)).all()):
        id_ = f"{prefix}-7000-8000-{number:012d}"
        db.execute(
            outbox_table.update().where(outbox_table.c.event_id == row[0]).values(event_id=id_)
        )


def test_a_verification_twice_changes_nothing(site: PeopleSite) -> None:
    """The same request delivered again ends in the same record, with nothing merged anew."""
    socket = site.socket()
    first = site.try_to_sign_in(socket, "ada")
    second = site.try_to_sign_in(socket, "ada")
    assert isinstance(first, SignedIn)
    assert isinstance(second, SignedIn)
    assert (second.visitor_id, second.merged) == (first.visitor_id, ())


def test_a_conversation_that_was_split_off_is_the_others_no_more(site: PeopleSite) -> None:
    """The person's thread has no last message where all the words were the absorbed record's."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    laptop = site.socket()
    anonymous = laptop.visitor
    site.say(laptop, "mine")
    site.sign_in(laptop, "ada")
    site.undo(site.merges(ada)[0].id)
    with site.database.reading() as db:
        conversations = messages.list_conversations(db, site.project_id, limit=10)
    assert [conversation.visitor.id for conversation in conversations] == [anonymous]
