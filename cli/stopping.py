"""Ctrl-C and the like, kept off a command from its commit until it has said what it did.

What is committed stands, whoever stops the command; and a secret is shown one time only.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from services.transactions import Publish, Transaction, Transactor
from storage.sql.engine import Database

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """The signals that ask this process to stop; while they are held they are noted alone.

    Attributes:
        came: the one that came last while they were held.
    """

    def __init__(self) -> None:
        self.came: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}

    def hold(self) -> None:
        """They are held; those that whoever started the process has shut off stay so."""
        for number in _SIGNALS:
            if number not in self._former and signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._note)

    def let_go(self) -> None:
        """They do what they did before, and so does now the one that came."""
        while self._former:
            signal.signal(*self._former.popitem())
        came, self.came = self.came, None
        if came is not None:
            signal.raise_signal(came)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.came = signal.Signals(number)


class ToldTransactor(Transactor):
    """Runs the use cases of a command, which nothing stops any more once one has committed.

    Until then a signal to stop has its effect, also while a use case waits for a lock, and all of
    it is undone. From the first commit on signals stay held until the process ends: all that
    follows is to tell, and what takes its time asks whether one came.
    """

    def __init__(self, database: Database, publish: Publish, signals: StopSignals) -> None:
        super().__init__(database, publish)
        self._signals = signals
        self._has_committed = False

    def run(self, use_case: Callable[[Transaction], T], **options: Any) -> T:
        """As a `Transactor` does; where nothing has committed, signals do what they did before."""

        def held_at_its_end(transaction: Transaction) -> T:
            self._let_go()  # the commit of an attempt before this one may have failed
            result = use_case(transaction)
            self._signals.hold()
            return result

        try:
            result = super().run(held_at_its_end, **options)
        except BaseException:
            self._let_go()
            raise
        self._has_committed = True
        return result

    def _let_go(self) -> None:
        if not self._has_committed:
            self._signals.let_go()
