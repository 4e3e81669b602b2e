"""A program whose wall clock is apart from the machine's. Usage: SECONDS MODULE ARGUMENTS.

Monotonic clocks are not touched: no machine can set those. A process that was forked out of one
that has imported everything is set apart as well as a Python of its own.
"""

import datetime as dt
import importlib
import runpy
import sys
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

# These compare types exactly, and read no clock of their own.
TYPED_EXACTLY = (
    "domain.outcomes",
    "orjson",
    "psycopg",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)

# Neither do the packages that these come from, nor this program, which must know the real ones.
REAL = ("__main__", "domain.outcomes", "orjson", "psycopg", "pydantic", "sqlalchemy")

_real = dt.datetime


class _Alike(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real)


class _Skewed(_real, metaclass=_Alike):
    """Makes ordinary datetimes; only what it takes for now is apart."""

    apart = dt.timedelta()

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return _real(*arguments, **named)

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _real.now(tz) + cls.apart

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(dt.UTC).replace(tzinfo=None)


def main() -> None:
    """The program has run to its end."""
    seconds = float(sys.argv[1])
    for module in TYPED_EXACTLY:
        importlib.import_module(module)
    _set_apart(seconds)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _set_apart(seconds: float) -> None:
    real_time, real_ns = time.time, time.time_ns
    _Skewed.apart = dt.timedelta(seconds=seconds)
    skewed = {
        real_time: lambda: real_time() + seconds,
        real_ns: lambda: real_ns() + int(seconds * 1e9),
        _real: _Skewed,
    }
    for name, module in list(sys.modules.items()):
        if not name.startswith(REAL):
            _replace(module, skewed)


def _replace(module: ModuleType, skewed: Mapping[Any, Any]) -> None:
    """What it took from the clocks' modules as it was imported, and those modules' own."""
    for name, value in list(vars(module).items()):
        for real, instead in skewed.items():
            if value is real:
                setattr(module, name, instead)


if __name__ == "__main__":
    main()
