"""Signals to stop, before a command commits, while it does, and from then on."""

import signal
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from cli.stopping import StopSignals, ToldTransactor
from services.transactions import Transaction
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from tests.integration.cli.conftest import Shop, on_sqlite
from tests.integration.scenes import ADMINISTRATOR, announce_hopeless

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

pytestmark = on_sqlite


class Unusable(Exception):
    """What a use case may raise."""


class Stopped(BaseException):
    """What signals do that are not held."""


@pytest.fixture(autouse=True)
def _former() -> Iterator[None]:
    """Signals stop whatever runs; afterwards they do what they did."""

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    former = {number: signal.signal(number, stop) for number in SIGNALS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture
def signals() -> StopSignals:
    """Those of a command."""
    return StopSignals()


@pytest.fixture
def told(database: Database, signals: StopSignals) -> ToldTransactor:
    """Runs the use cases of the command; SIGTERM comes while an event of theirs is published."""
    return ToldTransactor(
        database, lambda _kind, _payload: signal.raise_signal(signal.SIGTERM), signals
    )


def actions(database: Database, shop: Shop) -> list[str]:
    """What has committed, as the audit log names it, latest first."""
    with database.reading() as db:
        return [line.action for line in list_audit(db, shop.id, limit=10)]


def test_a_command_goes_on_once_it_has_committed(
    database: Database, shop: Shop, signals: StopSignals, told: ToldTransactor
) -> None:
    """It knows that a signal came, and may end what it does beside; other commits follow."""
    announce_hopeless(told, shop.id)

    assert signals.came is signal.SIGTERM
    told.run(lambda t: t.audit(ADMINISTRATOR, "project.changed", shop.id))
    assert actions(database, shop)[0] == "project.changed"


def test_a_commit_is_not_stopped(
    database: Database, shop: Shop, signals: StopSignals, told: ToldTransactor
) -> None:
    """Whether it has committed is known by whoever was stopped."""
    sa.event.listen(database.writer, "commit", lambda _db: signal.raise_signal(signal.SIGHUP))

    told.run(lambda t: t.audit(ADMINISTRATOR, "project.changed", shop.id))

    assert signals.came is signal.SIGHUP
    assert actions(database, shop)[0] == "project.changed"


def test_a_command_is_stopped_before_it_has_committed(
    database: Database, shop: Shop, told: ToldTransactor
) -> None:
    """What it has done is undone; and from then on signals do what they did."""

    def change(transaction: Transaction) -> None:
        transaction.audit(ADMINISTRATOR, "project.renamed", shop.id)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped):
        told.run(change)
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)
    assert "project.renamed" not in actions(database, shop)


def test_a_commit_that_fails_holds_no_signal(
    database: Database, shop: Shop, told: ToldTransactor
) -> None:
    """One that came meanwhile has its effect then."""

    def fail(_db: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise Unusable

    sa.event.listen(database.writer, "commit", fail)

    with pytest.raises(Stopped):
        told.run(lambda t: t.audit(ADMINISTRATOR, "project.renamed", shop.id))
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)
    assert "project.renamed" not in actions(database, shop)


def test_a_later_failure_is_told(shop: Shop, signals: StopSignals, told: ToldTransactor) -> None:
    """Where something has committed, the command says what has become of the rest."""
    announce_hopeless(told, shop.id)

    def fail(_transaction: Transaction) -> None:
        raise Unusable

    with pytest.raises(Unusable):
        told.run(fail)
    signal.raise_signal(signal.SIGINT)
    assert signals.came is signal.SIGINT


def test_what_was_shut_off_stays_so(told: ToldTransactor) -> None:
    """A command that `nohup` started outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    told.run(lambda _transaction: None)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
