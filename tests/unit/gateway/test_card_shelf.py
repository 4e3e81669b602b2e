"""Getting cards: read together, asked for rarely, answered always."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import uuid4

import pytest

from domain.cards import Card
from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from gateway import card_shelf
from gateway.card_shelf import CardAnswer, CardShelf, NoCard
from gateway.metrics import Metrics
from gateway.project_rooms import ProjectRoom
from gateway.publication_budget import HELD_AT_ONCE, HELD_PAUSE_SECONDS, UNHELD_PER_SECOND
from gateway.revocations import Revocations
from storage.redis.cards import Unknown
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Redis:
    """What could be read, and what was."""

    def __init__(self) -> None:
        self.cards: dict[ProjectId, Card | Unknown] = {}
        self.reads: list[list[ProjectId]] = []
        self.requests: list[ProjectId] = []
        self.held: list[ProjectId] = []
        self.breaks: Exception | None = None

    async def read_cards(
        self, wanted: Sequence[ProjectId]
    ) -> Mapping[ProjectId, Card | Unknown | None]:
        """In one round trip."""
        self.reads.append(sorted(wanted))
        await asyncio.sleep(0)
        if self.breaks is not None:
            raise self.breaks
        return {project: self.cards.get(project) for project in wanted}

    def publish(self, project_id: ProjectId, *, is_held: bool) -> None:
        """It is asked for."""
        self.requests.append(project_id)
        if is_held:
            self.held.append(project_id)

    def has(self, project: ProjectId) -> Card:
        """The project's card is there now."""
        self.cards[project] = card = Card(project, 1, 1)
        return card


@pytest.fixture
def redis() -> Redis:
    """Empty."""
    return Redis()


@pytest.fixture
async def shelf(redis: Redis) -> CardShelf:
    """A shelf over it."""
    revocations = Revocations(lambda *_: None, Metrics())
    return CardShelf(redis.read_cards, redis.publish, revocations.take_card, 60.0)


def a_project() -> ProjectId:
    """A fresh one."""
    return ProjectId(str(uuid4()))


async def test_cards_asked_for_in_one_turn_are_read_together(
    shelf: CardShelf, redis: Redis
) -> None:
    """Once each; what is held then is answered at once."""
    first, second = sorted((a_project(), a_project()))
    cards = [redis.has(first), redis.has(second)]
    answers: list[CardAnswer] = []
    for project in (first, second, first):
        shelf.ask(project, answers.append)

    await until(lambda: len(answers) == 3)

    assert redis.reads == [[first, second]]
    assert set(answers) == set(cards)
    shelf.ask(first, answers.append)
    assert answers[3] == cards[0]


async def test_a_published_card_answers_all_who_wait(shelf: CardShelf, redis: Redis) -> None:
    """Its publication was asked for once, however many wait."""
    project = a_project()
    answers: list[CardAnswer] = []
    shelf.ask(project, answers.append)
    await until(lambda: redis.requests == [project])
    shelf.ask(project, answers.append)
    card = redis.has(project)

    shelf.card_changed(project)

    await until(lambda: answers == [card, card])
    assert redis.requests == [project]


async def test_who_waits_in_vain_is_told_so(redis: Redis) -> None:
    """A missing card is unavailable, not unknown."""
    shelf = CardShelf(redis.read_cards, redis.publish, lambda *_: None, 0.02)
    answers: list[CardAnswer] = []
    shelf.ask(a_project(), answers.append)

    await until(lambda: answers == [NoCard.UNAVAILABLE])


async def test_unknown_is_remembered_for_a_while_and_forgotten_when_told(
    shelf: CardShelf, redis: Redis
) -> None:
    """So that a widget that insists costs no reads; a project made just now is found."""
    project = a_project()
    redis.cards[project] = Unknown()
    answers: list[CardAnswer] = []
    shelf.ask(project, answers.append)
    await until(lambda: answers == [NoCard.UNKNOWN])
    shelf.ask(project, answers.append)
    assert len(redis.reads) == 1

    card = redis.has(project)
    shelf.card_changed(project)
    shelf.ask(project, answers.append)

    await until(lambda: answers[2:] == [card])


async def test_publications_are_asked_for_at_a_bounded_rate(shelf: CardShelf, redis: Redis) -> None:
    """A flood of made-up projects is turned away without any."""
    answers: list[CardAnswer] = []
    for _ in range(200):
        shelf.ask(a_project(), answers.append)

    await until(lambda: len(answers) >= 200 - 2 * UNHELD_PER_SECOND)

    assert len(redis.requests) <= 2 * UNHELD_PER_SECOND
    assert set(answers) == {NoCard.UNAVAILABLE}
    shelf.stop()


async def test_all_held_projects_are_asked_for_however_many_strangers_ask(
    shelf: CardShelf, redis: Redis
) -> None:
    """After a loss in Redis: each once, a portion at a time, none put off to a later sweep."""
    held = [a_project() for _ in range(200)]
    for project in held:
        shelf.room(project)
    for _ in range(200):
        shelf.ask(a_project(), lambda _: None)
    await until(lambda: len(redis.requests) >= UNHELD_PER_SECOND)

    began = asyncio.get_running_loop().time()
    for project in held * 2:
        shelf.is_missing(project)

    await until(lambda: len(redis.held) == 200)
    pauses = 200 / HELD_AT_ONCE - 1
    assert asyncio.get_running_loop().time() - began > pauses * HELD_PAUSE_SECONDS * 0.9
    assert redis.held == held
    shelf.stop()


async def test_no_more_wait_than_can_be_kept(
    shelf: CardShelf, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is told at once; when the others have their answers there is room again."""
    monkeypatch.setattr(card_shelf, "MAX_WAITING", 3)
    project = a_project()
    card = redis.has(project)
    answers: list[CardAnswer] = []
    for _ in range(4):
        shelf.ask(project, answers.append)
    assert answers == [NoCard.UNAVAILABLE]

    await until(lambda: len(answers) == 4)
    shelf.forget(project)
    shelf.ask(project, answers.append)

    await until(lambda: answers[1:] == [card] * 4)


async def test_a_card_that_cannot_be_taken_keeps_no_other_waiting(redis: Redis) -> None:
    """Whatever it is, it is the one project's; the next read is as good as ever."""
    bad, good = a_project(), a_project()

    def take_card(room: ProjectRoom, card: Card) -> None:
        if room.project_id == bad:
            raise RuntimeError
        room.take_card(card)

    shelf = CardShelf(redis.read_cards, redis.publish, take_card)
    redis.has(bad)
    card = redis.has(good)
    answers: dict[ProjectId, CardAnswer] = {}
    for project in (bad, good):
        shelf.ask(project, partial(answers.__setitem__, project))

    await until(lambda: len(answers) == 2)

    assert answers == {bad: NoCard.UNAVAILABLE, good: card}


@pytest.mark.parametrize("error", [StorageUnavailable(), ValueError()])
async def test_a_read_that_fails_leaves_nobody_waiting(
    shelf: CardShelf, redis: Redis, error: Exception
) -> None:
    """Whatever the failure; the next one reads again."""
    redis.breaks = error
    project = a_project()
    answers: list[CardAnswer] = []
    shelf.ask(project, answers.append)
    await until(lambda: answers == [NoCard.UNAVAILABLE])

    redis.breaks = None
    card = redis.has(project)
    shelf.ask(project, answers.append)

    await until(lambda: answers[1:] == [card])


async def test_one_waiter_that_fails_takes_nobodys_answer(shelf: CardShelf, redis: Redis) -> None:
    """The others have theirs."""
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    project = a_project()
    card = redis.has(project)
    answers: list[CardAnswer] = []

    def fails(_answer: CardAnswer) -> None:
        raise RuntimeError

    shelf.ask(project, fails)
    shelf.ask(project, answers.append)

    await until(lambda: answers == [card])
    assert len(failures) == 1


async def test_a_card_that_redis_lost_is_not_held(shelf: CardShelf, redis: Redis) -> None:
    """Missing means unknown, therefore closed."""
    project = a_project()
    redis.has(project)
    answers: list[CardAnswer] = []
    shelf.ask(project, answers.append)
    await until(lambda: len(answers) == 1)

    shelf.is_missing(project)

    assert shelf.find_card(project) is None
    await until(lambda: redis.requests == [project])
    shelf.stop()


async def test_idle_rooms_are_forgotten(shelf: CardShelf, redis: Redis) -> None:
    """Not those used since, nor those that owe something."""
    idle, owing = a_project(), a_project()
    shelf.room(idle)
    shelf.room(owing).bind_begun(1)

    shelf.evict_idle(before=0.0)
    assert set(shelf.rooms) == {idle, owing}
    shelf.evict_idle(before=float("inf"))
    assert set(shelf.rooms) == {owing}
