"""How a process ends that is told to stop: in an orderly way, and told again, at once.

What a process leaves behind that was told twice is what `kill -9` leaves behind, and comes right
in the same ways.
"""

import os
import signal
from threading import Event, Thread
from types import FrameType

TOLD = (signal.SIGINT, signal.SIGTERM)
BY_SIGNAL = 128
"""Added to a signal's number it is the exit code of a process that the signal has ended."""

_told = Event()


def is_told_to_stop() -> bool:
    """Whether the first signal to stop has come: answers that have no end of their own end now."""
    return _told.is_set()


def end_at_the_second_signal() -> None:
    """The first signal to stop does what it did before; the one after it ends the process.

    For a process with an event loop. Call it on the main thread, once the handlers of the first
    signal are in place.
    """
    before = {told: signal.getsignal(told) for told in TOLD}

    def stop(told: int, frame: FrameType | None) -> None:
        _told.set()
        for each in TOLD:
            signal.signal(each, signal.SIG_DFL)
        first = before[signal.Signals(told)]
        if callable(first):
            first(told, frame)

    for told in TOLD:
        signal.signal(told, stop)


def end_busy_at_the_second_signal() -> None:
    """As above, for a process whose main thread may be held up, by a database that is locked.

    Python's own handlers wait for that. Signals are counted by a thread that is told of them at
    once; a child that is forked has none of this. Call it on the main thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    Thread(target=_count, args=(reading,), name="second-signal", daemon=True).start()


def _count(reading: int) -> None:
    told = 0
    while told < 2:  # noqa: PLR2004 - the second
        [number] = os.read(reading, 1)
        told += number in TOLD
    os._exit(BY_SIGNAL + number)
