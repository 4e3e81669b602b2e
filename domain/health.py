"""Whether the system does its work: what is looked at, and what is said of it."""

from dataclasses import dataclass
from enum import StrEnum

SWEEPS_UNTIL_SILENT = 3
LEAST_SECONDS_UNTIL_SILENT = 5.0

CLOCKS_APART_SECONDS = 1.0
CLOCKS_WRONG_SECONDS = 5.0


class Level(StrEnum):
    """How much a finding matters: not at all, some day, or now."""

    FINE = "fine"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; the message says what was found, and what to do."""

    name: str
    level: Level
    message: str

    @property
    def ok(self) -> bool:
        """Whether the system does its work; a warning is about another day."""
        return self.level is not Level.FAILURE


@dataclass(frozen=True, slots=True)
class ClockOffsets:
    """How far the clocks of the stores are ahead of a process's own, in seconds."""

    sql_seconds: float
    redis_seconds: float

    @property
    def widest(self) -> float:
        """How far the two of the three that differ most are apart."""
        clocks = (0.0, self.sql_seconds, self.redis_seconds)
        return max(clocks) - min(clocks)


def seconds_until_silent(every_seconds: float) -> float:
    """How long a queue may run nothing that is due so often."""
    return max(LEAST_SECONDS_UNTIL_SILENT, SWEEPS_UNTIL_SILENT * every_seconds)
