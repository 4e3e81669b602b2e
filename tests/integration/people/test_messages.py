"""Whose thread a message is in, by the commit that stored it."""

import json
import logging
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.stdlib import ProcessorFormatter as _Form

from domain.ids import SessionId
from domain.messages import Author
from domain.outcomes import DeviceEnded, RefusedRequest, Sent
from storage.sql import messages, visitors
from storage.sql.tables import messages as messages_table
from storage.sql.tables import visitors as visitors_table
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import add_project, new_device, rotate


def test_an_anonymous_visitor_has_a_thread_from_the_first_word(site: PeopleSite) -> None:
    """The record and its device have rows once something was said, and not before."""
    socket = site.socket()
    with site.database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(visitors_table)) == 0

    site.say(socket, "hello")
    site.say(socket, "anybody?")

    assert site.words(socket.visitor) == ["hello", "anybody?"]
    first = site.thread(socket.visitor)[0]
    assert (first.author, first.verified_by, first.verified_as) == (Author.VISITOR, None, None)
    with site.database.reading() as db:
        assert [d.id for d in visitors.list_devices(db, socket.visitor, limit=9)] == [socket.device]


def test_the_same_message_again_is_answered_as_before(site: PeopleSite) -> None:
    """By device and client id: in later batches and in one."""
    socket = site.socket()
    first = site.say(socket, "hello", "m1")
    asked = [site.writing(socket, "hello", "m1"), site.writing(socket, "more", "m2")]
    asked += [site.writing(socket, "more", "m2")]

    outcomes = site.store.store(asked)

    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert outcomes[0].message_id == first
    assert outcomes[1].message_id == outcomes[2].message_id
    assert site.words(socket.visitor) == ["hello", "more"]


def test_a_message_says_who_was_verified_when_it_was_sent(site: PeopleSite) -> None:
    """A later rotation or merge changes nothing of that."""
    socket = site.socket()
    site.say(socket, "before")
    outcome = site.sign_in(socket, "ada")
    site.say(socket, "signed")
    rotate(site.transactor, site.project_id)

    before, signed = site.thread(outcome.visitor_id)

    assert (before.verified_by, before.verified_as) == (None, None)
    assert (signed.verified_by, signed.verified_as) == (outcome.key_id, outcome.visitor_id)


def test_a_merged_thread_is_read_in_the_order_of_its_words(site: PeopleSite) -> None:
    """Messages stay where they were written and are read through the person."""
    phone, laptop = site.socket(), site.socket()
    ada = site.sign_in(phone, "ada").visitor_id
    site.say(laptop, "from the laptop")
    site.say(phone, "from the phone")
    anonymous = laptop.visitor
    assert site.sign_in(laptop, "ada").merged == (anonymous,)
    site.say(laptop, "signed in there, too")

    expected = ["from the laptop", "from the phone", "signed in there, too"]
    assert site.words(ada) == site.words(anonymous) == expected
    with site.database.reading() as db:
        [conversation] = messages.list_conversations(db, site.project_id, limit=10)
    assert conversation.visitor.id == ada
    assert conversation.last_message.text == "signed in there, too"


def test_a_late_word_of_an_ended_device_is_written_nowhere(site: PeopleSite) -> None:
    """Neither into the person's thread nor anybody's: the socket gets another device first."""
    tab, other_tab = site.socket(), site.socket()
    other_tab.device, other_tab.visitor = tab.device, tab.visitor
    ada = site.sign_in(tab, "ada").visitor_id

    outcome = site.try_to_say(other_tab, "late")

    assert isinstance(outcome, DeviceEnded)
    assert outcome.ended_device_id == other_tab.device
    assert site.words(ada) == []


def test_a_device_kept_from_a_shared_computer_opens_nothing(site: PeopleSite) -> None:
    """Whoever says hello with a person's device writes to a record of their own."""
    socket = site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    site.say(socket, "mine")

    stranger = site.socket(socket.device)
    site.say(stranger, "not mine")

    assert stranger.visitor != ada
    assert site.words(ada) == ["mine"]
    assert site.words(stranger.visitor) == ["not mine"]


@pytest.mark.parametrize(
    "lie", [{"person_epoch": 7}, {"device": "other"}, {"visitor": "other"}, {"generation": 9}]
)
def test_a_node_is_not_believed_more_than_sql(site: PeopleSite, lie: dict[str, object]) -> None:
    """Epoch, device, person and generation are compared in the transaction that writes."""
    socket, other = site.socket(), site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    bob = site.sign_in(other, "bob").visitor_id
    for name, value in lie.items():
        setattr(socket, name, getattr(other, name) if value == "other" else value)

    outcome = site.try_to_say(socket, "forged")

    assert isinstance(outcome, DeviceEnded | RefusedRequest)
    assert site.words(ada) == site.words(bob) == []


def test_a_revoked_session_writes_nothing(site: PeopleSite) -> None:
    """From the commit of the revocation on, whatever the node knows of it."""
    socket = site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    rotate(site.transactor, site.project_id)

    outcome = site.try_to_say(socket, "late")

    assert isinstance(outcome, RefusedRequest)
    assert outcome.code == "key_revoked"
    assert site.words(ada) == []


def test_once_the_proof_is_over_words_are_unverified(site: PeopleSite) -> None:
    """The session goes on in its thread, and what it says then is not shown as verified."""
    socket = site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    socket.generation = None

    site.say(socket, "still me")

    [message] = site.thread(ada)
    assert (message.text, message.verified_by) == ("still me", None)


def test_a_device_of_another_project_writes_nothing(site: PeopleSite) -> None:
    """Nothing crosses projects."""
    other = add_project(site.transactor)
    stranger = site.socket(new_device(other))

    outcome = site.try_to_say(stranger, "hello")

    assert isinstance(outcome, RefusedRequest)
    assert outcome.code == "message_invalid"


def test_one_bad_message_fails_alone(site: PeopleSite) -> None:
    """Text that no database keeps is refused; its neighbours are stored."""
    sockets = [site.socket() for _ in range(5)]
    texts = ["a", "b\x00", "\ud800", "", "x" * 4001]
    asked = [site.writing(s, text) for s, text in zip(sockets, texts, strict=True)]

    outcomes = site.store.store(asked)

    assert [isinstance(o, Sent) for o in outcomes] == [True, False, False, False, False]
    assert {o.code for o in outcomes[1:]} == {"message_invalid"}


def test_an_id_has_one_limit(site: PeopleSite) -> None:
    """The gateway's is the worker's, which does not rely on who filled the queue."""
    longest = "i" * 128
    asked = [site.writing(site.socket(), "hello", id_) for id_ in (longest, longest + "i")]

    outcomes = site.store.store(asked)

    assert [isinstance(o, Sent) for o in outcomes] == [True, False]


def test_a_row_that_the_database_refuses_fails_alone(
    site: PeopleSite, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch is run again one by one, and no log quotes what the database says of the row."""
    good, bad = site.socket(), site.socket()
    site.sign_in(good, "ada")
    asked = [
        site.writing(good, "a"),
        site.writing(bad, "private words", "k"),
        site.writing(good, "c"),
    ]
    for statement in _refusing(site):
        site.database.write(lambda db, s=statement: db.exec_driver_sql(s))

    outcomes = site.store.store(asked)

    assert [isinstance(o, Sent) for o in outcomes] == [True, False, True]
    assert outcomes[1].code == "unavailable"
    assert outcomes[1].session_id == SessionId("s")
    with site.database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(messages_table)) == 2
    written = _as_written(caplog.records)
    assert [line["requests"] for line in written] == [3, 1]
    assert "private" not in str(written)


def _as_written(records: list[logging.LogRecord]) -> list[dict[str, Any]]:
    """The lines as the process writes them, tracebacks included."""
    [form] = [h.formatter for h in logging.root.handlers if isinstance(h.formatter, _Form)]
    return [json.loads(form.format(record)) for record in records]


def _refusing(site: PeopleSite) -> list[str]:
    return [_SQLITE_TRIGGER] if site.database.is_sqlite else [_FUNCTION, _POSTGRESQL_TRIGGER]


_SQLITE_TRIGGER = """CREATE TRIGGER no_k BEFORE INSERT ON messages WHEN new.client_id = 'k'
BEGIN SELECT raise(ABORT, 'no'); END"""
_FUNCTION = """CREATE FUNCTION no_k() RETURNS trigger AS $$ BEGIN
IF new.client_id = 'k' THEN RAISE check_violation USING DETAIL = new.text; END IF; RETURN new;
END $$ LANGUAGE plpgsql"""
_POSTGRESQL_TRIGGER = """CREATE TRIGGER no_k BEFORE INSERT ON messages
FOR EACH ROW EXECUTE FUNCTION no_k()"""
