"""Any history of sign-ins, sign-outs, words, merges and undos, against the databases themselves."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId, VisitorId
from domain.outcomes import DeviceEnded, RefusedRequest, Sent, SignedIn
from storage.sql import messages, tables, visitors
from storage.sql.engine import Database
from tests.integration.people.site import PeopleSite, Socket
from tests.integration.scenes import answer_at_last, mint, new_device, request
from tests.waiting import SECONDS

LONG = bool(os.environ.get("WIDGET_AUTH_LONG_TESTS"))
HISTORIES = settings(
    max_examples=200 if LONG else 10,
    stateful_step_count=60 if LONG else 30,
    suppress_health_check=list(HealthCheck),
)
ORDERS = settings(max_examples=100 if LONG else 8, suppress_health_check=list(HealthCheck))
PEOPLE = ("ada", "Zoé", 42)
SITES = st.sampled_from([0, 0, 0, 1])
SOCKETS = st.integers(0, 3)
SOME_SOCKETS = st.lists(SOCKETS, min_size=2, max_size=4)
STEPS_BETWEEN_LOOKS = 4


@dataclass
class Believed:
    """What one project should hold."""

    site: PeopleSite
    sockets: list[Socket] = field(default_factory=list)
    people: dict[str, VisitorId] = field(default_factory=dict)
    epochs: dict[VisitorId, int] = field(default_factory=lambda: defaultdict(int))
    signed_out: set[VisitorId] = field(default_factory=set)
    survivor: dict[VisitorId, VisitorId] = field(default_factory=dict)
    undone: set[tuple[VisitorId, VisitorId]] = field(default_factory=set)
    written: dict[str, VisitorId] = field(default_factory=dict)
    device_of: dict[DeviceId, VisitorId] = field(default_factory=dict)
    ended: set[DeviceId] = field(default_factory=set)

    def living(self, record: VisitorId) -> VisitorId:
        """Who the record is read through."""
        return self.survivor.get(record, record)

    def end_devices(self, *people: VisitorId) -> None:
        """Every device that is read through them has ended."""
        self.ended |= {d for d, owner in self.device_of.items() if self.living(owner) in people}


class History(RuleBasedStateMachine):
    """Two projects of one database, with the same people in both."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.long_ago = int(time.time()) - 5
        self.number = 0
        self.looks = 0

    @initialize()
    def open_shops(self) -> None:
        """Two projects, with a socket each."""
        self.shops = [Believed(PeopleSite(self.database)) for _ in range(2)]
        for shop in self.shops:
            shop.sockets.append(shop.site.socket())

    def socket(self, site: int, number: int) -> tuple[Believed, Socket]:
        """One of those there are."""
        shop = self.shops[site]
        return shop, shop.sockets[number % len(shop.sockets)]

    @rule(site=SITES)
    @precondition(lambda self: all(len(shop.sockets) < 4 for shop in self.shops))
    def connect(self, site: int) -> None:
        """Somebody new."""
        self.shops[site].sockets.append(self.shops[site].site.socket())

    @rule(site=SITES, number=SOCKETS)
    @precondition(lambda self: all(len(shop.sockets) < 4 for shop in self.shops))
    def connect_with_a_kept_device(self, site: int, number: int) -> None:
        """A reload, another tab, or somebody else at the same computer; before or after its end."""
        shop, socket = self.socket(site, number)
        kept = list(shop.device_of)[-4:] or [socket.device]
        shop.sockets.append(shop.site.socket(kept[number % len(kept)]))

    @rule(site=SITES, number=SOCKETS)
    def disconnect(self, site: int, number: int) -> None:
        """One of them is gone."""
        shop, socket = self.socket(site, number)
        if len(shop.sockets) > 1:
            shop.sockets.remove(socket)

    @rule(site=SITES, number=SOCKETS, who=st.sampled_from(PEOPLE), twice=st.booleans())
    def sign_in(self, site: int, number: int, who: str | int, *, twice: bool) -> None:
        """With a fresh token; now and then the message is delivered twice."""
        shop, socket = self.socket(site, number)
        before = Socket(socket.device, socket.visitor)
        expected = shop.people.get(str(who))
        outcome = shop.site.sign_in(socket, who, iat=int(time.time()) + 2)
        self._believe_signed_in(shop, before.device, str(who), expected, outcome)
        if twice:
            again = shop.site.try_to_sign_in(before, who, iat=int(time.time()) + 2)
            assert isinstance(again, SignedIn)
            assert (again.visitor_id, again.merged) == (outcome.visitor_id, ())
            assert again.device_id is not None
            shop.device_of[again.device_id] = again.visitor_id

    @rule(site=SITES, numbers=SOME_SOCKETS, who=st.sampled_from(PEOPLE))
    def sign_in_together(self, site: int, numbers: list[int], who: str | int) -> None:
        """One person on several sockets, in one batch."""
        shop = self.shops[site]
        some = list({id(s): s for s in (self.socket(site, n)[1] for n in numbers)}.values())
        token = mint(shop.site.secret, who, iat=int(time.time()) + 2)
        asked = [request(shop.site.project_id, token, socket.device) for socket in some]
        for socket, outcome in zip(some, shop.site.verifier.verify(asked).outcomes, strict=True):
            assert isinstance(outcome, SignedIn)
            expected = shop.people.get(str(who))
            self._believe_signed_in(shop, socket.device, str(who), expected, outcome)
            assert outcome.device_id is not None
            socket.device, socket.visitor = outcome.device_id, outcome.visitor_id
            socket.generation, socket.person_epoch = outcome.generation, outcome.person_epoch

    def _believe_signed_in(
        self,
        shop: Believed,
        device: DeviceId,
        who: str,
        expected: VisitorId | None,
        outcome: SignedIn,
    ) -> None:
        person, own = outcome.visitor_id, anonymous_visitor(device)
        assert expected in (None, person)
        assert outcome.person_epoch == shop.epochs[person]
        is_free = (
            device not in shop.ended
            and own not in shop.survivor
            and own not in shop.people.values()
            and (device not in shop.device_of or own in shop.written.values())
        )
        if expected is None:
            assert (person == own) is is_free
            assert outcome.merged == ()
        else:
            merges = is_free and (person, own) not in shop.undone
            assert outcome.merged == ((own,) if merges else ())
        for absorbed in outcome.merged:
            shop.survivor[absorbed] = person
        shop.people[who] = person
        shop.device_of.setdefault(device, own)
        shop.ended.add(device)
        assert outcome.device_id is not None
        shop.device_of[outcome.device_id] = person

    @rule(site=SITES, number=SOCKETS, who=st.sampled_from(PEOPLE))
    def sign_in_with_an_old_token(self, site: int, number: int, who: str | int) -> None:
        """Nobody who was signed out everywhere since comes in with it."""
        shop, socket = self.socket(site, number)
        person = shop.people.get(str(who))
        if person in shop.signed_out:
            claims = {"iat": self.long_ago, "exp": self.long_ago + 300}
            outcome = shop.site.try_to_sign_in(socket, who, **claims)
            assert isinstance(outcome, RefusedRequest)
            assert outcome.code == "token_superseded"

    @rule(site=SITES, number=SOCKETS)
    def sign_out(self, site: int, number: int) -> None:
        """On that socket."""
        shop, socket = self.socket(site, number)
        if socket.device in shop.device_of:
            shop.ended.add(socket.device)
        shop.site.sign_out(socket)

    @rule(site=SITES, number=SOCKETS)
    def lose_the_proof(self, site: int, number: int) -> None:
        """The session goes on as whom it was, unverified."""
        self.socket(site, number)[1].generation = None

    @rule(site=SITES, number=SOCKETS, twice=st.booleans())
    def say(self, site: int, number: int, *, twice: bool) -> None:
        """In whosever thread it may be; now and then the message is delivered twice."""
        shop, socket = self.socket(site, number)
        self.number += 1
        text = f"message {self.number}"
        is_person = socket.visitor != anonymous_visitor(socket.device)
        may = socket.device not in shop.ended and (
            not is_person or socket.person_epoch == shop.epochs[socket.visitor]
        )
        outcome = shop.site.try_to_say(socket, text, text)
        assert isinstance(outcome, Sent if may else DeviceEnded)
        if isinstance(outcome, Sent):
            shop.written[text] = socket.visitor
            shop.device_of.setdefault(socket.device, socket.visitor)
        if twice:
            again = shop.site.try_to_say(socket, text, text)
            assert type(again) is type(outcome)
            if isinstance(again, Sent) and isinstance(outcome, Sent):
                assert again.message_id == outcome.message_id

    @rule(site=SITES, who=st.sampled_from(PEOPLE))
    def sign_out_everywhere(self, site: int, who: str | int) -> None:
        """As an operator does it."""
        shop = self.shops[site]
        person = shop.people.get(str(who))
        if person is not None:
            shop.site.sign_out_everywhere(person)
            shop.epochs[person] += 1
            shop.signed_out.add(person)
            shop.end_devices(person)

    @rule(site=SITES, number=st.integers(0, 3))
    def undo(self, site: int, number: int) -> None:
        """One of the merges there are."""
        shop = self.shops[site]
        if not shop.survivor:
            return
        absorbed = list(shop.survivor)[-1 - number % len(shop.survivor)]
        person = shop.survivor[absorbed]
        [merge] = [m for m in shop.site.merges(person) if m.absorbed_id == absorbed]
        shop.site.undo(merge.id)
        shop.end_devices(person)
        shop.epochs[person] += 1
        shop.undone.add((person, absorbed))
        del shop.survivor[absorbed]

    @invariant()
    def one_living_record_for_each_person(self) -> None:
        """Depth one, within the project, and nothing that was undone is merged."""
        for shop in getattr(self, "shops", []):
            rows = _rows(self.database, tables.visitors, shop)
            by_id = {row["id"]: row for row in rows}
            people = [row for row in rows if row["custom_id"] is not None]
            assert {row["custom_id"]: row["id"] for row in people} == shop.people
            assert len(people) == len(shop.people)
            merged = {row["id"]: row["merged_into"] for row in rows if row["merged_into"]}
            assert merged == shop.survivor
            assert all(by_id[person]["merged_into"] is None for person in merged.values())
            assert not {(person, absorbed) for absorbed, person in merged.items()} & shop.undone

    @invariant()
    def look_now_and_then(self) -> None:
        """At what agents read."""
        self.looks += 1
        if self.looks % STEPS_BETWEEN_LOOKS == 0:
            self.everything_is_read_through_one_living_record()

    def teardown(self) -> None:
        """And in the end."""
        self.everything_is_read_through_one_living_record()

    def everything_is_read_through_one_living_record(self) -> None:
        """Every message and device, by the way that agents read them."""
        for shop in getattr(self, "shops", []):
            read: dict[str, VisitorId] = {}
            devices: dict[DeviceId, tuple[VisitorId, bool]] = {}
            with self.database.reading() as db:
                living = visitors.list_visitors(db, shop.site.project_id, limit=1_000)
                for visitor in living:
                    thread = messages.list_messages(db, visitor.id, limit=1_000)
                    assert visitor.last_message_id == (thread[0].id if thread else None)
                    assert not {m.text for m in thread} & set(read)
                    read |= {message.text: visitor.id for message in thread}
                    held = visitors.list_devices(db, visitor.id, limit=1_000)
                    assert not {device.id for device in held} & set(devices)
                    devices |= {d.id: (visitor.id, d.ended_at is not None) for d in held}
            assert read == {text: shop.living(record) for text, record in shop.written.items()}
            assert devices == {
                device: (shop.living(owner), device in shop.ended)
                for device, owner in shop.device_of.items()
            }

    @invariant()
    def nothing_crosses_projects(self) -> None:
        """Whatever a row of one project names is of that project."""
        for shop in getattr(self, "shops", []):
            own = {row["id"] for row in _rows(self.database, tables.visitors, shop)}
            for table, columns in _NAMES_VISITORS.items():
                for row in _rows(self.database, table, shop):
                    assert {row[column] for column in columns} - {None} <= own


_NAMES_VISITORS = {
    tables.visitors: ("merged_into",),
    tables.devices: ("visitor_id",),
    tables.merges: ("survivor_id", "absorbed_id"),
    tables.messages: ("visitor_id", "verified_as"),
}


def _rows(database: Database, table: sa.Table, shop: Believed) -> list[sa.RowMapping]:
    query = sa.select(table).where(table.c.project_id == shop.site.project_id)
    with database.reading() as db:
        return list(db.execute(query).mappings())


def test_any_history(database: Database) -> None:
    """One living record for each ID, nothing lost, nothing crossed, nothing undone comes back."""
    run_state_machine_as_test(lambda: History(database), settings=HISTORIES)  # type: ignore[no-untyped-call]


Wish = tuple[int, str]


@ORDERS
@given(
    first=st.tuples(st.integers(0, 2), st.sampled_from(["ada", "bob"])),
    second=st.tuples(st.integers(0, 2), st.sampled_from(["ada", "bob"])),
    known=st.booleans(),
)
def test_the_order_of_two_concurrent_sign_ins_changes_nothing(
    database: Database, first: Wish, second: Wish, *, known: bool
) -> None:
    """One after the other, the other way round, and at the same instant: the same people."""
    if first[0] == second[0]:
        second = (second[0] + 1, second[1])
    orders: list[Callable[[_Stage], None]] = [
        lambda stage: stage.in_turn(first, second),
        lambda stage: stage.in_turn(second, first),
        lambda stage: stage.at_once(first, second),
    ]
    seen = []
    for play in orders:
        stage = _Stage(PeopleSite(database), known=known)
        play(stage)
        seen.append(stage.what_is_read())
    assert seen[0] == seen[1] == seen[2]


class _Stage:
    """Four devices that have each said something."""

    def __init__(self, site: PeopleSite, *, known: bool) -> None:
        self.site = site
        if known:
            site.sign_in(site.socket(), "ada")
        self.sockets = [site.socket(new_device(site.project_id)) for _ in range(4)]
        for number, socket in enumerate(self.sockets):
            site.say(socket, f"words of {number}")

    def in_turn(self, *wishes: Wish) -> None:
        """One after the other."""
        for number, who in wishes:
            self.site.sign_in(self.sockets[number], who)

    def at_once(self, *wishes: Wish) -> None:
        """Each in a thread of its own, as in workers of their own."""
        barrier = threading.Barrier(len(wishes))
        token = {who: mint(self.site.secret, who) for _, who in wishes}

        def sign_in(number: int, who: str) -> None:
            asked = request(self.site.project_id, token[who], self.sockets[number].device)
            barrier.wait(SECONDS)
            outcome = answer_at_last(self.site.verifier, asked)
            assert isinstance(outcome, SignedIn)

        with ThreadPoolExecutor(len(wishes)) as pool:
            list(pool.map(sign_in, *zip(*wishes, strict=True)))

    def what_is_read(self) -> list[tuple[str, list[str]]]:
        """Every thread there is, by whose it is."""
        with self.site.database.reading() as db:
            living = visitors.list_visitors(db, self.site.project_id, limit=100)
            return sorted((v.custom_id or "", _texts(db, v.id)) for v in living)


def _texts(db: sa.Connection, visitor_id: VisitorId) -> list[str]:
    return sorted(message.text for message in messages.list_messages(db, visitor_id, limit=9))
