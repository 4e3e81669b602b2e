"""Redis knows of commits that SQL has lost: the project is halted until somebody settles it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from domain.alarms import AlarmKind
from domain.ids import ProjectId
from domain.outcomes import RefusedRequest, SignedIn
from domain.rotation_dates import AtTime
from domain.rotations import RotationState
from domain.signing_secrets import SecretState
from services.alarms import read_alarms
from services.compare_cards import CardComparison
from services.halting import halt_if_behind
from services.key_rings import KeyRings
from services.publish_cards import publish_card
from services.revoke_tokens import revoke_tokens
from services.rotate_secret import Generated, SecretWish, generate
from services.settle_projects import NotHalted, settle_project
from services.stores import Stores
from services.transactions import Transactor
from services.verify_visitors import VisitorVerifier
from storage.redis import publications
from storage.redis.client import connect
from storage.sql import audit, projects, rotations, signing_secrets
from storage.sql.engine import Database
from storage.sql.tables import metadata
from tests.chaos.proxy import Proxy, Rule
from tests.integration.scenes import (
    ADMINISTRATOR,
    DEVICES,
    SEALER,
    Broker,
    add_project,
    mint,
    open_transactor,
    request,
    rotate,
)

Rows = dict[str, list[dict[str, object]]]


@dataclass
class Scene:
    """A project with one secret, and a copy of its rows as a backup would hold them."""

    stores: Stores
    broker: Broker
    project_id: ProjectId
    first: Generated
    backup: Rows

    def regenerate(self) -> Generated:
        """A new secret, and Redis knows of it."""
        made = rotate(self.stores.transactor, self.project_id)
        self.carry_out()
        return made

    def carry_out(self) -> None:
        """What was sent last has been carried out."""
        payload = self.broker.sent[-1][1]
        names = ("event_id", "project_id", "rotation_id")
        revoke_tokens(self.stores, *(payload[name] for name in names))  # type: ignore[arg-type]

    def back_up(self) -> None:
        """SQL as it is now is what a restore brings back."""
        self.backup = read_rows(self.stores.database)

    def restore(self) -> None:
        """SQL has lost all that was committed since the backup; Redis has not."""
        write_rows(self.stores.database, self.backup)

    def sign_in(self, secret: str, *, seen: bool = True) -> SignedIn | str:
        """The answer to a token of that secret: signed in, or the code."""
        read = publications.read_versions(self.stores.redis, [self.project_id])
        epochs = {self.project_id: read[self.project_id].epoch} if seen else {}
        verifier = VisitorVerifier(self.stores.transactor, KeyRings(SEALER), DEVICES)
        [outcome] = verifier.verify(
            [request(self.project_id, mint(secret, "ada"))], epochs
        ).outcomes
        if isinstance(outcome, RefusedRequest):
            return outcome.code
        assert isinstance(outcome, SignedIn)
        return outcome

    @property
    def is_halted(self) -> bool:
        """Whether SQL says so."""
        with self.stores.database.reading() as db:
            return projects.get_project(db, self.project_id).is_halted

    @property
    def epochs(self) -> tuple[int, int | None]:
        """The epoch in SQL, and in Redis."""
        read = publications.read_versions(self.stores.redis, [self.project_id])
        with self.stores.database.reading() as db:
            return projects.get_project(db, self.project_id).epoch, read[self.project_id].epoch

    def actions(self) -> list[str]:
        """What the audit log says was done, newest first."""
        with self.stores.database.reading() as db:
            return [entry.action for entry in audit.list_audit(db, self.project_id, limit=50)]


def read_rows(database: Database) -> Rows:
    """Every row of every table."""
    with database.reading() as db:
        return {
            table.name: [dict(row) for row in db.execute(sa.select(table)).mappings()]
            for table in metadata.sorted_tables
        }


def write_rows(database: Database, rows: Rows) -> None:
    """The tables hold these rows and no others."""

    def work(db: sa.Connection) -> None:
        for table in reversed(metadata.sorted_tables):
            db.execute(table.delete())
        for table in metadata.sorted_tables:
            if rows[table.name]:
                db.execute(table.insert(), rows[table.name])

    database.write(work)


@pytest.fixture
def scene(database: Database, redis_url: str) -> Iterator[Scene]:
    """A project whose card stands in Redis, with its first secret."""
    transactor, broker = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    project_id = add_project(transactor)
    first = rotate(transactor, project_id)
    publish_card(stores, project_id)
    yield Scene(stores, broker, project_id, first, read_rows(database))
    stores.redis.close()


def _compare(scene: Scene) -> None:
    CardComparison().go_on(scene.stores)


def _publish(scene: Scene) -> None:
    publish_card(scene.stores, scene.project_id)


def _regenerate(scene: Scene) -> None:
    """A second regenerate was on its way when SQL lost it; a third meets what it left in Redis."""
    publications.raise_epoch(scene.stores.redis, scene.project_id, 5)
    rotate(scene.stores.transactor, scene.project_id)
    scene.carry_out()


@pytest.mark.parametrize("look", [_compare, _publish, _regenerate])
def test_lost_commits_halt_the_project(scene: Scene, look: Callable[[Scene], None]) -> None:
    """Whatever compares the epochs finds it; nobody signs in, an alarm says so, once."""
    scene.regenerate()
    scene.restore()

    look(scene)

    assert scene.is_halted
    assert halt_if_behind(scene.stores, scene.project_id), "again, which changes nothing"
    assert scene.sign_in(scene.first.secret, seen=False) == "unavailable"
    [alarm] = read_alarms(scene.stores, scene.project_id)
    assert (alarm.kind, alarm.project_id) == (AlarmKind.PROJECT_HALTED, scene.project_id)
    assert alarm.since
    assert abs(datetime.now(UTC) - alarm.since) < timedelta(minutes=1)
    assert scene.actions().count("project.halted") == 1


def test_a_revoked_token_is_refused_before_anybody_has_compared(scene: Scene) -> None:
    """The very first token after the loss is not looked at: SQL would take it for a good one."""
    scene.regenerate()
    scene.restore()
    assert scene.sign_in(scene.first.secret) == "unavailable"


def test_other_projects_go_on(scene: Scene) -> None:
    """A halt is one project's."""
    other = replace(scene, project_id=add_project(scene.stores.transactor))
    other.first = rotate(scene.stores.transactor, other.project_id)
    publish_card(scene.stores, other.project_id)
    scene.back_up()
    scene.regenerate()
    scene.restore()
    _compare(scene)
    assert scene.is_halted
    assert isinstance(other.sign_in(other.first.secret), SignedIn)
    assert read_alarms(scene.stores, other.project_id) == []


def test_a_regenerate_under_way_is_no_loss(scene: Scene) -> None:
    """SQL ahead of Redis, and both the same, halt nothing."""
    rotate(scene.stores.transactor, scene.project_id)
    assert not halt_if_behind(scene.stores, scene.project_id)
    scene.carry_out()
    assert not halt_if_behind(scene.stores, scene.project_id)
    _compare(scene)
    assert not scene.is_halted


def test_settling_a_lost_secret_makes_a_new_one(scene: Scene) -> None:
    """Neither the restored secret nor the lost one signs in again; the new one does."""
    lost = scene.regenerate()
    scene.restore()
    _compare(scene)

    settled = settle_project(scene.stores, scene.project_id, ADMINISTRATOR)
    scene.carry_out()

    assert settled.generated
    assert scene.sign_in(scene.first.secret) == "key_revoked"
    assert scene.sign_in(lost.secret) == "signature_invalid"
    answer = scene.sign_in(settled.generated.secret)
    assert isinstance(answer, SignedIn)
    assert answer.generation == settled.epoch > 2, "above every generation that was lost"
    assert scene.epochs == (settled.epoch, settled.epoch)
    assert "project.settled" in scene.actions()
    assert read_alarms(scene.stores, scene.project_id) == []
    with pytest.raises(NotHalted):
        settle_project(scene.stores, scene.project_id, ADMINISTRATOR)


def test_a_new_secret_is_told_although_redis_goes_away(scene: Scene, redis_url: str) -> None:
    """It is committed, and nobody could ever be told of it again; sweeps tell the nodes."""
    scene.regenerate()
    scene.restore()
    _compare(scene)
    address = urlsplit(redis_url)
    with Proxy() as proxy:
        link = proxy.link("redis", address.port or 0)
        transactor = Transactor(
            scene.stores.database, scene.broker, lambda _step: link.obey(Rule(reset=True))
        )
        url = address._replace(netloc=f"127.0.0.1:{link.port}").geturl()
        stores = Stores(transactor, connect(url), SEALER)
        settled = settle_project(stores, scene.project_id, ADMINISTRATOR)
        stores.redis.close()
    assert settled.generated
    assert isinstance(scene.sign_in(settled.generated.secret), SignedIn)


def test_regenerating_settles_too(scene: Scene) -> None:
    """A regenerate is always allowed; here its generation is above those that were lost."""
    scene.regenerate()
    scene.regenerate()
    scene.restore()
    _compare(scene)
    made = scene.regenerate()
    answer = scene.sign_in(made.secret)
    assert isinstance(answer, SignedIn)
    assert answer.generation == 4
    assert scene.epochs == (4, 4)
    assert "project.settled" in scene.actions()


def test_a_planned_rotation_does_not_settle(scene: Scene) -> None:
    """The restored secret would go on verifying, which somebody may have revoked."""
    scene.regenerate()
    scene.restore()
    _compare(scene)
    plan(scene)
    assert scene.is_halted
    assert scene.sign_in(scene.first.secret, seen=False) == "unavailable"


def test_settling_a_lost_cut_does_it_again(scene: Scene) -> None:
    """The secret that had taken over is known to SQL and stays; the one cut is cut again."""
    second = plan(scene)
    scene.back_up()
    publications.raise_epoch(scene.stores.redis, scene.project_id, 2)  # the cut, which SQL lost
    _compare(scene)
    assert scene.sign_in(second.secret) == "unavailable"

    settled = settle_project(scene.stores, scene.project_id, ADMINISTRATOR)
    scene.carry_out()

    assert settled.generated is None
    assert settled.rotation
    assert scene.sign_in(scene.first.secret) == "key_revoked"
    assert isinstance(scene.sign_in(second.secret), SignedIn)
    assert scene.epochs == (2, 2)
    with scene.stores.database.reading() as db:
        receipt = rotations.get_rotation(db, scene.project_id, settled.rotation.id)
        states = {s.state for s in signing_secrets.list_secrets(db, scene.project_id)}
    assert receipt.state is RotationState.COMPLETED
    assert states == {SecretState.REVOKED, SecretState.ACTIVE}


def plan(scene: Scene) -> Generated:
    """A new secret takes over, the one before it retires tomorrow."""
    wish = SecretWish(when=AtTime(datetime.now(UTC) + timedelta(days=1)), force=True)
    return scene.stores.transactor.run(
        lambda t: generate(t, SEALER, scene.project_id, ADMINISTRATOR, wish)
    )


def test_the_comparison_goes_through_every_project(scene: Scene) -> None:
    """However many there are, a sweep looks at so many and the next goes on from there."""
    scene.regenerate()
    scene.restore()
    for _ in range(4):
        add_project(scene.stores.transactor)
    comparison = CardComparison(at_once=2)
    assert sum(comparison.go_on(scene.stores) for _ in range(3)) == 1
    assert scene.is_halted
