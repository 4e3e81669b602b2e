"""No process outlives the one that started it, however that one ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tied_to_this_process() -> Callable[[], None]:
    """What a child calls before its program starts: from then on it dies with this process.

    The kernel kills it, also when this process is killed. Call it from the thread that lives as
    long as the process. Elsewhere than on Linux the call does nothing.
    """
    parent = os.getpid()

    def tie() -> None:
        _die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os.kill(os.getpid(), signal.SIGKILL)

    return tie


def stop_with_parent() -> None:
    """This process is told to stop (SIGTERM) when the one that started it ends."""
    _die_with_parent(signal.SIGTERM)


def _die_with_parent(signal_number: signal.Signals) -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal_number))
