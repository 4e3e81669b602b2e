"""What this node holds of a project: its card, the epoch it knows, its live sessions."""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from domain.cards import Card
from domain.ids import ProjectId, RotationId, VisitorId
from gateway.closes import Close
from gateway.threads import Threads
from storage.redis.persons import EndedSessions


class Member(Protocol):
    """A live session as its room sees it. `generation` vouches for it, None while anonymous."""

    generation: int | None

    def say_last(self, close: Close) -> None:
        """The widget hears why its socket is being closed. Whoever calls this calls `end` next."""

    def end(self, close: Close) -> None:
        """The socket is being closed for this reason, and the session is over."""

    def ask_anew(self, frame: bytes) -> None:
        """The widget gets the frame, if its session is live."""


@dataclass(slots=True)
class Answer:
    """What a revocation's receipt is owed: how many sessions were closed for it, which may grow.

    The revocation ended the generations from `since` to below the epoch it is filed under. The
    receipt knows the answer by `answer_id`, so that giving it again changes nothing; `told` is the
    number that the receipt took last, None if it may have none.
    """

    rotation_id: RotationId
    since: int = 0
    answer_id: str = field(default_factory=partial(secrets.token_hex, 8))
    closed: int = 0
    told: int | None = None
    is_on_its_way: bool = False

    @property
    def is_owed(self) -> bool:
        """Whether the receipt may lack some of it."""
        return self.told != self.closed


class ProjectRoom:
    """One project on this node. The epoch only grows, whatever card comes.

    `binding` counts sessions whose bind is under way, by generation; `unreported` the closes by
    revocation that no receipt has heard of; `answers` the latest revocations, by their epoch;
    `persons_seen` what the card said of persons when all held here were last compared.
    """

    __slots__ = (
        "_ended_persons",
        "answers",
        "binding",
        "card",
        "epoch",
        "last_used",
        "members",
        "persons_seen",
        "project_id",
        "threads",
        "unreported",
    )

    def __init__(self, project_id: ProjectId, now: float) -> None:
        self.project_id = project_id
        self.card: Card | None = None
        self.epoch = 0
        self.members: dict[int | None, set[Member]] = {}
        self.binding: Counter[int] = Counter()
        self.unreported: Counter[int] = Counter()
        self.answers: dict[int, Answer] = {}
        self.last_used = now
        self.threads = Threads()
        self.persons_seen: bytes | None = None
        self._ended_persons: dict[VisitorId, EndedSessions] = {}

    def take_card(self, card: Card) -> None:
        """The newer of the card held and this one is held; the epoch is not touched."""
        if self.card is None or card.revision >= self.card.revision:
            self.card = card

    def accepts(self, generation: int) -> bool:
        """Whether, as far as this node knows, the generation is not revoked."""
        return generation >= self.epoch

    def bind_begun(self, generation: int) -> None:
        """One more session is being bound under the generation."""
        self.binding[generation] += 1

    def bind_over(self, generation: int) -> None:
        """One of those binds is over."""
        self.binding[generation] -= 1
        if not self.binding[generation]:
            del self.binding[generation]
        if not self.binding:
            self._ended_persons.clear()

    def note_ended(self, visitor_id: VisitorId, ended: EndedSessions) -> None:
        """Whoever's bind is under way is compared with this when it is over."""
        known = self._ended_persons.get(visitor_id)
        if self.binding and (known is None or ended.epoch > known.epoch):
            self._ended_persons[visitor_id] = ended

    def find_ended(self, visitor_id: VisitorId, person_epoch: int) -> EndedSessions | None:
        """What ended the person's sessions of that epoch while a bind was under way, if so."""
        ended = self._ended_persons.get(visitor_id)
        return ended if ended is not None and ended.epoch > person_epoch else None

    def add(self, member: Member) -> None:
        """The session is live under its present generation."""
        self.members.setdefault(member.generation, set()).add(member)

    def remove(self, member: Member) -> None:
        """The session is not among the live ones; nothing happens if it was not."""
        group = self.members.get(member.generation)
        if group is None:
            return
        group.discard(member)
        if not group:
            del self.members[member.generation]

    def pop_revoked(self) -> dict[int, set[Member]]:
        """The sessions of each generation below the epoch, which are members no more."""
        dead = [known for known in self.members if known is not None and known < self.epoch]
        return {generation: self.members.pop(generation) for generation in dead}

    def sessions_of(self, generation: int) -> list[Member]:
        """Every session that this generation vouches for."""
        return [*self.members.get(generation, ())]

    def pop_signed_in(self) -> list[Member]:
        """Every session that some generation vouches for; they are members no more."""
        signed_in = [known for known in self.members if known is not None]
        return [member for generation in signed_in for member in self.members.pop(generation)]

    @property
    def live(self) -> int:
        """How many sessions are members."""
        return sum(map(len, self.members.values()))

    @property
    def signed_in(self) -> int:
        """How many sessions some generation vouches for."""
        return self.live - len(self.members.get(None, ()))

    @property
    def is_idle(self) -> bool:
        """Whether nothing here needs to be remembered."""
        return not (self.members or self.binding or self._owes_an_answer)

    @property
    def _owes_an_answer(self) -> bool:
        return any(answer.is_owed for answer in self.answers.values())
