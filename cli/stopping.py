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
        if self.came is not None:
            signal.raise_signal(self.came)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.came = signal.Signals(number)


class ToldTransactor(Transactor):
    """Runs the use cases of a command, which nothing stops any more once one has committed.

    Signals to stop stay held until the process ends: all that follows is to tell, and what takes
    its time asks whether one came.
    """

    def __init__(self, database: Database, publish: Publish, signals: StopSignals) -> None:
        super().__init__(database, publish)
        self._signals = signals

    def run(self, use_case: Callable[[Transaction], T], **options: Any) -> T:
        """As a `Transactor` does; a signal that came before it failed has its effect now."""
        self._signals.hold()
        try:
            return super().run(use_case, **options)
        except BaseException:
            self._signals.let_go()
            raise
