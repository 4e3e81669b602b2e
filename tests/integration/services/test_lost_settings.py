"""Redis knows of settings that SQL has lost: what SQL says now reaches the nodes all the same."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from domain.cards import Card
from domain.json_values import Json
from domain.projects import Project
from services.compare_cards import CardComparison
from services.halting import halt_if_behind
from services.projects import change_project
from services.publish_cards import publish_card, publish_recent_cards
from services.settle_projects import settle_project
from services.stores import Stores
from storage.redis import publications
from storage.redis.client import connect
from storage.redis.exchange import ask_all
from storage.redis.stored_cards import card_query, decode_card
from storage.sql import projects
from storage.sql.engine import Database
from storage.sql.tables import projects as table
from tests.integration.scenes import (
    ADMINISTRATOR,
    SEALER,
    add_project,
    holding,
    open_transactor,
    rotate,
)

OURS: Json = ["https://shop.example"]
THEIRS: Json = ["https://shop.example", "https://was-let-in-by-mistake.example"]


@dataclass
class Scene:
    """A project of which SQL has lost the last changes; its card in Redis has not."""

    stores: Stores
    project: Project

    def allow(self, origins: Json) -> None:
        """These origins may connect."""
        change_project(self.stores, self.project.id, {"allowed_origins": origins}, ADMINISTRATOR)

    @property
    def in_sql(self) -> Project:
        """The project as SQL has it now."""
        with self.stores.database.reading() as db:
            return projects.get_project(db, self.project.id)

    @property
    def in_redis(self) -> Card:
        """The card that nodes read."""
        [reply] = ask_all(self.stores.redis, [card_query(self.project.id)])
        card = decode_card(self.project.id, reply)
        assert isinstance(card, Card)
        return card


@pytest.fixture
def scene(database: Database, redis_url: str) -> Iterator[Scene]:
    """Three changes were made since the backup; everybody knows of the last one."""
    transactor, _ = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    publish_card(stores, project_id)
    with database.reading() as db:
        scene = Scene(stores, projects.get_project(db, project_id))
        [backup] = db.execute(sa.select(table)).mappings()
    for _ in range(3):
        scene.allow(THEIRS)
    assert scene.in_redis.revision == 4
    database.write(lambda db: db.execute(table.update().values(**backup)))
    yield scene
    stores.redis.close()


def test_a_change_after_a_loss_reaches_the_nodes(scene: Scene) -> None:
    """A node holds whichever card is newer, so the one with this change is newer than all."""
    scene.allow(OURS)

    assert scene.in_redis == scene.in_sql.card()
    assert scene.in_redis.allowed_origins == ("https://shop.example",)
    assert scene.in_redis.revision == 5
    scene.allow(THEIRS)
    assert scene.in_redis == scene.in_sql.card()
    assert scene.in_redis.revision == 6


def test_a_sweep_finds_what_nobody_has_changed_since(scene: Scene) -> None:
    """SQL is the truth also where it is the older one; one look is enough."""
    comparison = CardComparison()
    assert comparison.go_on(scene.stores) == 0
    repaired = scene.in_sql
    assert scene.in_redis == repaired.card()
    assert scene.in_redis.allowed_origins == ()

    comparison.go_on(scene.stores)
    publish_recent_cards(scene.stores)
    assert scene.in_sql == repaired


def test_a_halted_projects_settings_are_brought_back_too(scene: Scene) -> None:
    """It stays halted, and nodes let in whom SQL lets in."""
    publications.raise_epoch(scene.stores.redis, scene.project.id, 9)
    assert halt_if_behind(scene.stores, scene.project.id)

    assert CardComparison().go_on(scene.stores) == 0

    assert scene.in_sql.is_halted
    assert scene.in_redis.allowed_origins == ()
    assert (scene.in_redis.revision, scene.in_redis.epoch) == (scene.in_sql.revision, 9)


def test_settling_brings_the_settings_back(scene: Scene) -> None:
    """Where a revocation was lost with them the project is halted, and the card is right after."""
    publications.raise_epoch(scene.stores.redis, scene.project.id, 9)
    settle_project(scene.stores, scene.project.id, ADMINISTRATOR)
    assert scene.in_redis == scene.in_sql.card()
    assert scene.in_redis.allowed_origins == ()


def test_two_that_find_it_at_once_raise_it_once(scene: Scene) -> None:
    """The revision is above what Redis had, by one."""
    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(lambda _: publish_card(scene.stores, scene.project.id), range(2), timeout=30)
        )
    assert any(done), "one of them at least had the project to itself"
    publish_card(scene.stores, scene.project.id)
    assert scene.in_sql.revision == 5
    assert scene.in_redis == scene.in_sql.card()


def test_a_project_that_somebody_holds_is_left_to_a_sweep(scene: Scene) -> None:
    """The others have their cards; so has this one as soon as it can be had."""
    if scene.stores.database.is_sqlite:
        pytest.skip("SQLite's one writer holds all projects or none")
    other = add_project(scene.stores.transactor)
    with holding(scene.stores.database, scene.project.id):
        assert not publish_card(scene.stores, scene.project.id)
        assert publish_card(scene.stores, other)
        CardComparison().go_on(scene.stores)
    scene.stores.transactor.busy.forget(scene.project.id)
    CardComparison().go_on(scene.stores)
    assert scene.in_redis == scene.in_sql.card()
