"""What settings of stores mean for what they have said they keep."""

import pytest

from domain.durability import check_postgresql, check_redis, check_sqlite
from domain.health import ClockOffsets, Level, seconds_until_silent

SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "synchronous_standby_names": "standby",
}


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, Level.FINE),
        ({"synchronous_commit": "remote_apply"}, Level.FINE),
        ({"synchronous_standby_names": ""}, Level.WARNING),
        ({"synchronous_standby_names": "", "synchronous_commit": "local"}, Level.WARNING),
        ({"synchronous_commit": "local"}, Level.FAILURE),
        ({"synchronous_commit": "remote_write"}, Level.FAILURE),
        ({"synchronous_commit": "off", "synchronous_standby_names": ""}, Level.FAILURE),
        ({"fsync": "off"}, Level.FAILURE),
        ({"full_page_writes": "off"}, Level.FAILURE),
    ],
)
def test_postgresql(changed: dict[str, str], level: Level) -> None:
    """A commit is on disk here; on a standby too, if one is named; none named is worth a word."""
    assert check_postgresql({**SAFE, **changed}).level is level


@pytest.mark.parametrize(
    ("journal_mode", "synchronous", "level"),
    [
        ("wal", "2", Level.FINE),
        ("wal", "3", Level.FINE),
        ("wal", "1", Level.FAILURE),
        ("delete", "2", Level.FAILURE),
    ],
)
def test_sqlite(journal_mode: str, synchronous: str, level: Level) -> None:
    """Only WAL with every commit synchronised keeps what it said."""
    settings = {"journal_mode": journal_mode, "synchronous": synchronous}
    assert check_sqlite(settings).level is level


@pytest.mark.parametrize(
    ("version", "policy", "level"),
    [
        ("7.0.15", "noeviction", Level.FINE),
        ("10.1.0", "noeviction", Level.FINE),
        ("6.2.14", "noeviction", Level.FAILURE),
        ("7.4.1", "allkeys-lru", Level.FAILURE),
    ],
)
def test_redis(version: str, policy: str, level: Level) -> None:
    """New enough, and it throws nothing away."""
    assert check_redis(version, policy).level is level


def test_clocks_are_compared_each_with_each() -> None:
    """Two that are wrong in opposite ways are furthest apart."""
    assert ClockOffsets(2.0, -3.0).widest == 5.0
    assert ClockOffsets(2.0, 3.0).widest == 3.0


def test_a_queue_may_miss_two_ticks() -> None:
    """Three sweeps, and however short those are, a few seconds."""
    assert seconds_until_silent(5.0) == 15.0
    assert seconds_until_silent(0.1) == 5.0
