"""Devices of long ago are erased with what they leave behind, unless words are in it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.ids import DeviceId, VisitorId
from domain.outcomes import DeviceEnded
from domain.tokens.policy import MAX_PROOF_SECONDS
from services.erase_devices import KEPT, DeviceErasure
from storage.sql import old_devices, tables, visitors
from storage.sql.engine import now_of
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import holding


def age(site: PeopleSite, *, days: int = 1) -> None:
    """Whatever has ended did so as long ago as devices are kept, and some days more."""

    def work(db: sa.Connection) -> None:
        columns = tables.devices.c
        moment = now_of(db) - KEPT - days * (KEPT / 60)
        ended = tables.devices.update().where(columns.ended_at.is_not(None))
        db.execute(ended.values(ended_at=moment))

    site.database.write(work)


def erase(site: PeopleSite) -> int:
    """How many a sweep erases."""
    return DeviceErasure().go_on(site.transactor)


def held(site: PeopleSite) -> set[DeviceId]:
    """The devices that SQL knows."""
    with site.database.reading() as db:
        return set(db.scalars(sa.select(tables.devices.c.id)))


def records(site: PeopleSite) -> set[VisitorId]:
    """The visitors' records, absorbed ones too."""
    with site.database.reading() as db:
        return set(db.scalars(sa.select(tables.visitors.c.id)))


def test_what_sign_ins_leave_behind_is_erased(site: PeopleSite) -> None:
    """A person's ended devices, and absorbed records in which nothing was ever said."""
    browser, other = site.socket(), site.socket()
    ada = site.sign_in(browser, "ada").visitor_id
    for _ in range(3):
        site.sign_in(browser, "ada")
        site.sign_in(other, "ada")
        other = site.socket()
    assert len(site.merges(ada)) == 3
    age(site)

    assert erase(site) == 4 + 3

    assert records(site) == {ada}
    assert site.merges(ada) == []
    assert len(held(site)) == 4
    with site.database.reading() as db:
        assert not any(device.ended_at for device in visitors.list_devices(db, ada, limit=9))
    assert site.sign_in(browser, "ada").visitor_id == ada


def test_what_ended_lately_is_kept(site: PeopleSite) -> None:
    """And what has been open for less long."""
    socket = site.socket()
    site.sign_in(socket, "ada")
    age(site, days=-1)
    age_what_is_open(site, days=-1)
    before = held(site)

    assert erase(site) == 0
    assert held(site) == before


def test_a_persons_device_that_never_ended_is_erased(site: PeopleSite) -> None:
    """In every browser the last one is left behind; what was written with it keeps it."""
    gone, wrote, is_back = site.socket(), site.socket(), site.socket()
    for socket in (gone, wrote, is_back):
        site.sign_in(socket, "ada")
    site.say(wrote, "as ada")
    age_what_is_open(site)
    site.sign_in(is_back, "ada")

    assert erase(site) == 1

    left = held(site)
    assert gone.device not in left
    assert {wrote.device, is_back.device} < left
    assert KEPT.total_seconds() > MAX_PROOF_SECONDS, "it was not the device of a live proof"


def test_an_anonymous_visitors_device_stays(site: PeopleSite) -> None:
    """It is all they have: with it they find their words again, however long they were away."""
    anonymous = site.socket()
    site.say(anonymous, "hello")
    site.sign_in(site.socket(), "ada")
    age_what_is_open(site)

    assert erase(site) == 1

    site.say(site.socket(anonymous.device), "again")
    assert site.words(anonymous.visitor) == ["hello", "again"]


def test_a_tab_goes_on_without_the_device_it_had(site: PeopleSite) -> None:
    """What it says anonymously comes along at the next sign-in; a grey one has to come back."""
    tab, grey = site.socket(), site.socket()
    ada = site.sign_in(tab, "ada").visitor_id
    site.sign_in(grey, "ada")
    grey.generation = None
    age_what_is_open(site)
    assert erase(site) == 2

    assert isinstance(site.try_to_say(grey, "the proof was over"), DeviceEnded)
    reloaded = site.socket(tab.device)
    site.say(reloaded, "not signed in yet")
    signed_in = site.sign_in(reloaded, "ada")
    assert signed_in.visitor_id == ada
    assert site.words(ada) == ["not signed in yet"]


def test_a_device_that_ends_meanwhile_is_no_longer_open(site: PeopleSite) -> None:
    """Whoever found it as an open one has come too late: an end is remembered for two months."""
    socket = site.socket()
    site.sign_in(socket, "ada")
    age_what_is_open(site)
    with site.database.reading() as db:
        found = old_devices.list_open_devices(db, now_of(db) - KEPT, after=None, limit=9)
    site.sign_out(socket)

    assert len(found) == 1
    assert site.database.write(lambda db: old_devices.erase_devices(db, found)) == 0


def age_what_is_open(site: PeopleSite, *, days: int = 1) -> None:
    """What has not ended was made as long ago as devices are kept, and some days more."""

    def work(db: sa.Connection) -> None:
        moment = now_of(db) - KEPT - days * (KEPT / 60)
        is_open = tables.devices.c.ended_at.is_(None)
        db.execute(tables.devices.update().where(is_open).values(created_at=moment))

    site.database.write(work)


def test_no_word_is_lost_and_a_merge_with_words_can_be_undone(site: PeopleSite) -> None:
    """Neither the devices that wrote nor the record that was written in."""
    laptop, phone = site.socket(), site.socket()
    ada = site.sign_in(laptop, "ada").visitor_id
    site.say(laptop, "as ada")
    site.say(phone, "anonymous")
    anonymous = phone.visitor
    site.sign_in(phone, "ada")
    site.sign_in(laptop, "ada")
    age(site)

    assert erase(site) == 1, "the one that ada came with first, silently"

    site.undo(site.merges(ada)[0].id)
    assert (site.words(anonymous), site.words(ada)) == (["anonymous"], ["as ada"])


def test_an_agents_words_keep_a_record(site: PeopleSite) -> None:
    """Also one in which the visitor never said anything."""
    site.sign_in(site.socket(), "ada")
    silent = site.socket()
    anonymous = silent.visitor
    site.sign_in(silent, "ada")
    site.database.write(lambda db: agent_writes(db, site, anonymous))
    age(site)

    assert erase(site) == 1
    assert anonymous in records(site)


def agent_writes(db: sa.Connection, site: PeopleSite, record: VisitorId) -> None:
    """A message stands in the record."""
    message = {
        "id": "01900000-0000-7000-8000-000000000000",
        "project_id": site.project_id,
        "visitor_id": record,
        "author": "agent",
        "agent_name": "Grace",
        "text": "hello?",
        "sent_at": now_of(db),
    }
    db.execute(tables.messages.insert(), [message])


def test_a_pair_that_was_split_stays_split(site: PeopleSite) -> None:
    """The record, its device's end and the merge are kept, absorbed anew or nobody's."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    laptop = site.socket()
    device, anonymous = laptop.device, laptop.visitor
    site.sign_in(laptop, "ada")
    site.undo(site.merges(ada)[0].id)
    age(site)

    erase(site)

    assert device in held(site)
    assert isinstance(site.try_to_say(site.socket(device), "mine?"), DeviceEnded)
    absorb = sa.text("UPDATE visitors SET merged_into = :into WHERE id = :id")
    site.database.write(lambda db: db.execute(absorb, {"into": ada, "id": anonymous}))
    assert erase(site) == 0
    [merge] = site.merges(ada)
    assert merge.undone_at


def test_whoever_comes_with_an_erased_device_is_somebody_new(site: PeopleSite) -> None:
    """Nothing of the person is theirs to read, to write or to bring along."""
    socket = site.socket()
    first = socket.device
    ada = site.sign_in(socket, "ada").visitor_id
    kept = socket.device
    site.sign_in(socket, "ada")
    age(site)
    assert erase(site) == 2

    stranger = site.socket(kept)
    stranger.visitor, stranger.generation = ada, 1
    assert isinstance(site.try_to_say(stranger, "as ada"), DeviceEnded)
    assert isinstance(site.try_to_say(site.socket(first), "in ada's record"), DeviceEnded)
    anonymous = site.socket(kept)
    site.say(anonymous, "hello")
    eve = site.sign_in(anonymous, "eve")
    assert (eve.visitor_id, eve.merged) == (anonymous.visitor, ())
    assert (site.words(ada), site.words(eve.visitor_id)) == ([], ["hello"])


def test_a_sweep_goes_on_while_there_is_time(site: PeopleSite) -> None:
    """However many have ended, and however few are looked at in one transaction."""
    socket = site.socket()
    for _ in range(9):
        site.sign_in(socket, "ada")
    age(site)
    assert DeviceErasure(at_once=2).go_on(site.transactor) == 9
    assert len(held(site)) == 1


def test_every_sweep_goes_on_where_the_last_one_stopped(site: PeopleSite) -> None:
    """What is kept is passed by, and what has ended since is next."""
    for _ in range(3):
        leave_a_word(site)
    age(site, days=2)
    leave_nothing(site)
    site.database.write(age_the_rest)
    erasure = DeviceErasure(at_once=2, seconds=0)
    assert [erasure.go_on(site.transactor) for _ in range(4)] == [0, 1, 1, 0]

    leave_nothing(site)
    site.database.write(age_the_rest)
    assert erasure.go_on(site.transactor) == 2


def test_what_was_kept_is_looked_at_again_in_time(site: PeopleSite) -> None:
    """After the last come the first, if that is long enough ago."""
    leave_a_word(site)
    age(site)
    rarely, often = DeviceErasure(), DeviceErasure(anew_after=timedelta(0))
    assert [erasure.go_on(site.transactor) for erasure in (rarely, often)] == [0, 0]
    site.database.write(lambda db: db.execute(tables.messages.delete()))
    site.database.write(make_a_person_of_everybody)
    assert [erasure.go_on(site.transactor) for erasure in (rarely, often)] == [0, 1]


def make_a_person_of_everybody(db: sa.Connection) -> None:
    """As if each had signed in afterwards."""
    db.execute(tables.visitors.update().values(custom_id=tables.visitors.c.id))


def test_who_is_held_comes_next_time(site: PeopleSite) -> None:
    """And keeps nobody else's devices from being erased meanwhile."""
    if site.database.is_sqlite:
        pytest.skip("SQLite's one writer holds all projects or none")
    other = PeopleSite(site.database)
    for each in (site, other):
        leave_nothing(each)
    age(site)
    erasure = DeviceErasure(at_once=1)
    with holding(site.database, site.project_id):
        assert erasure.go_on(site.transactor) == 2
    site.transactor.busy.forget(site.project_id)
    assert erasure.go_on(site.transactor) == 2


def leave_a_word(site: PeopleSite) -> None:
    """Somebody wrote, and is gone; the device is kept."""
    writer = site.socket()
    site.say(writer, "hello")
    site.sign_out(writer)


def leave_nothing(site: PeopleSite) -> None:
    """Somebody signed in and out; two devices hold nothing."""
    socket = site.socket()
    site.sign_in(socket, "ada")
    site.sign_out(socket)


def age_the_rest(db: sa.Connection) -> None:
    """What has ended only now did so a day after the others."""
    moment = now_of(db) - KEPT - KEPT / 60
    recent = tables.devices.update().where(tables.devices.c.ended_at > moment)
    db.execute(recent.values(ended_at=moment))
