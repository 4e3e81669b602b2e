"""Signals to stop, while a command commits."""

import signal
from collections.abc import Iterator

import pytest

from cli.stopping import StopSignals, ToldTransactor
from services.transactions import Transaction
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from tests.integration.cli.conftest import Shop, on_sqlite
from tests.integration.scenes import ADMINISTRATOR

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

pytestmark = on_sqlite


class Unusable(Exception):
    """What a use case may raise."""


@pytest.fixture(autouse=True)
def _former() -> Iterator[None]:
    """What signals do in this process is afterwards what it was."""
    former = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_command_goes_on_once_it_has_committed(database: Database, shop: Shop) -> None:
    """It knows that a signal came, and may end what it does beside."""
    signals = StopSignals()
    transactor = ToldTransactor(database, lambda _kind, _payload: None, signals)

    def change(transaction: Transaction) -> str:
        signal.raise_signal(signal.SIGTERM)
        transaction.audit(ADMINISTRATOR, "project.changed", shop.id)
        return "done"

    assert transactor.run(change) == "done"
    assert signals.came is signal.SIGTERM
    with database.reading() as db:
        assert list_audit(db, shop.id, limit=1)[0].action == "project.changed"


def test_a_command_that_has_done_nothing_is_stopped(database: Database, shop: Shop) -> None:
    """Whatever else it was about to say; and from then on signals do what they did."""
    transactor = ToldTransactor(database, lambda _kind, _payload: None, StopSignals())

    def fail(transaction: Transaction) -> None:
        transaction.audit(ADMINISTRATOR, "project.renamed", shop.id)
        signal.raise_signal(signal.SIGINT)
        raise Unusable

    with pytest.raises(KeyboardInterrupt):
        transactor.run(fail)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with database.reading() as db:
        assert list_audit(db, shop.id, limit=1)[0].action != "project.renamed"


def test_what_was_shut_off_stays_so(database: Database) -> None:
    """A command that `nohup` started outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    transactor = ToldTransactor(database, lambda _kind, _payload: None, StopSignals())

    transactor.run(lambda _transaction: None)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
