"""The cards that this node holds, and getting those it does not hold yet.

Reads are batched: one round trip at a time, for everything asked meanwhile. A card that is
missing in Redis is unknown, therefore closed: its publication is asked for, and whoever waits gets
the card if it comes in time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum
from time import monotonic
from typing import TypeAlias

import structlog

from domain.cards import Card
from domain.ids import ProjectId
from gateway.project_rooms import ProjectRoom
from gateway.publication_budget import AskForPublication, PublicationBudget
from storage.redis.cards import Unknown

log = structlog.get_logger(__name__)

PUBLICATION_SECONDS = 2.0
UNKNOWN_SECONDS = 5.0
MAX_UNKNOWN = 10_000
MAX_WAITING = 20_000
READ_AT_ONCE = 1_000


class NoCard(Enum):
    """Why there is no card."""

    UNKNOWN = "SQL says that there is no such project"
    UNAVAILABLE = "nobody can say just now"


CardAnswer: TypeAlias = Card | NoCard
Waiter: TypeAlias = Callable[[CardAnswer], None]
ReadCards: TypeAlias = Callable[
    [Sequence[ProjectId]], Awaitable[Mapping[ProjectId, Card | Unknown | None]]
]


class CardShelf:
    """Rooms with their cards, and who waits for one.

    Args:
        read_cards: reads many cards in one round trip.
        publish: asks the workers for a card's publication.
        take_card: puts a card that was read into its room.
        publication_seconds: how long a publication is waited for.
    """

    def __init__(
        self,
        read_cards: ReadCards,
        publish: AskForPublication,
        take_card: Callable[[ProjectRoom, Card], None],
        publication_seconds: float = PUBLICATION_SECONDS,
    ) -> None:
        self.rooms: dict[ProjectId, ProjectRoom] = {}
        self._read_cards = read_cards
        self._publications = PublicationBudget(publish)
        self._take_card = take_card
        self._publication_seconds = publication_seconds
        self._loop = asyncio.get_running_loop()
        self._waiters: dict[ProjectId, list[Waiter]] = {}
        self._waiting = 0
        self._to_read: set[ProjectId] = set()
        self._reading: asyncio.Task[None] | None = None
        self._missing: dict[ProjectId, asyncio.TimerHandle] = {}
        self._unknown_until: OrderedDict[ProjectId, float] = OrderedDict()

    def room(self, project_id: ProjectId) -> ProjectRoom:
        """The project's room, with or without a card."""
        room = self.rooms.get(project_id)
        if room is None:
            room = self.rooms[project_id] = ProjectRoom(project_id, monotonic())
        room.last_used = monotonic()
        return room

    def find_card(self, project_id: ProjectId) -> Card | None:
        """The card, if this node holds it."""
        room = self.rooms.get(project_id)
        return room.card if room is not None else None

    def ask(self, project_id: ProjectId, waiter: Waiter) -> None:
        """The waiter is called once: now if the answer is known, else within about two seconds."""
        card = self.find_card(project_id)
        if card is not None:
            waiter(card)
        elif self._unknown_until.get(project_id, 0.0) > monotonic():
            waiter(NoCard.UNKNOWN)
        elif self._waiting >= MAX_WAITING:
            waiter(NoCard.UNAVAILABLE)
        else:
            self._waiters.setdefault(project_id, []).append(waiter)
            self._waiting += 1
            if project_id not in self._missing:
                self.refresh([project_id])

    def refresh(self, project_ids: Collection[ProjectId]) -> None:
        """These cards will be read from Redis, after what is being read now."""
        self._to_read.update(project_ids)
        if self._reading is None and self._to_read:
            self._reading = self._loop.create_task(self._read())

    def card_changed(self, project_id: ProjectId) -> None:
        """A card was published: whoever holds it or waits for it has it soon."""
        self._unknown_until.pop(project_id, None)
        if project_id in self.rooms or project_id in self._waiters:
            self.refresh([project_id])

    def forget(self, project_id: ProjectId) -> None:
        """Redis holds this card no more: the next to ask is not answered from memory."""
        room = self.rooms.get(project_id)
        if room is not None:
            room.card = None

    def is_missing(self, project_id: ProjectId) -> None:
        """Redis holds no card of it: forgotten here, asked for once, waited for two seconds."""
        self.forget(project_id)
        if project_id in self._missing:
            return
        if not self._publications.ask(project_id, is_held=project_id in self.rooms):
            self._answer(project_id, NoCard.UNAVAILABLE)
            return
        self._missing[project_id] = self._loop.call_later(
            self._publication_seconds, self._answer, project_id, NoCard.UNAVAILABLE
        )

    def evict_idle(self, before: float) -> None:
        """Rooms without sessions, unused since then, are forgotten; in monotonic seconds."""
        idle = [
            project_id
            for project_id, room in self.rooms.items()
            if room.last_used < before and room.is_idle
        ]
        for project_id in idle:
            del self.rooms[project_id]

    def stop(self) -> None:
        """Nobody is answered any more."""
        if self._reading is not None:
            self._reading.cancel()
        for timer in self._missing.values():
            timer.cancel()
        self._publications.stop()
        self._waiters.clear()

    async def _read(self) -> None:
        try:
            while self._to_read:
                wanted = [self._to_read.pop() for _ in range(min(READ_AT_ONCE, len(self._to_read)))]
                await self._read_some(wanted)
        finally:
            self._reading = None

    async def _read_some(self, wanted: list[ProjectId]) -> None:
        try:
            cards = await self._read_cards(wanted)
        except Exception as error:  # noqa: BLE001 - whoever waits must have an answer
            log.warning("cards_not_read", projects=len(wanted), error=repr(error))
            for project_id in wanted:
                self._answer(project_id, NoCard.UNAVAILABLE)
            return
        for project_id in wanted:
            try:
                self._found(project_id, cards.get(project_id))
            except Exception:  # the other cards of this read are another matter
                log.exception("card_not_taken", project_id=project_id)
                self._answer(project_id, NoCard.UNAVAILABLE)

    def _found(self, project_id: ProjectId, found: Card | Unknown | None) -> None:
        if isinstance(found, Card):
            room = self.room(project_id)
            self._take_card(room, found)
            self._answer(project_id, found)
        elif isinstance(found, Unknown):
            self._note_unknown(project_id)
            self._answer(project_id, NoCard.UNKNOWN)
        else:
            self.is_missing(project_id)

    def _note_unknown(self, project_id: ProjectId) -> None:
        self._unknown_until[project_id] = monotonic() + UNKNOWN_SECONDS
        self._unknown_until.move_to_end(project_id)
        if len(self._unknown_until) > MAX_UNKNOWN:
            self._unknown_until.popitem(last=False)

    def _answer(self, project_id: ProjectId, answer: CardAnswer) -> None:
        timer = self._missing.pop(project_id, None)
        if timer is not None:
            timer.cancel()
        waiters = self._waiters.pop(project_id, [])
        self._waiting -= len(waiters)
        for waiter in waiters:
            self._loop.call_soon(waiter, answer)  # each for itself: one that fails stops no other
