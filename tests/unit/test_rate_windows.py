"""Fixed windows, one or many, and when to try again."""

from domain.rate_windows import RateTable, RateWindow
from domain.retry_times import spread_retry_ms


def test_a_window_begins_with_the_first_time() -> None:
    """So many until it ends; what is refused is not counted and does not lengthen it."""
    window = RateWindow()

    admitted = [window.admit(2, now) for now in (100.0, 120.5, 130.0, 159.9, 160.0)]

    assert admitted == [True, True, False, False, True]


def test_a_window_says_when_it_ends() -> None:
    """In milliseconds, never zero."""
    window = RateWindow()
    window.admit(1, 100.0)

    assert window.wait_seconds(130.0) == 30.0
    assert window.wait_ms(130.0) == 30_001
    assert window.wait_ms(160.0) == 1


def test_a_window_may_be_shorter() -> None:
    """As long as it is told."""
    window = RateWindow(seconds=1.0)

    assert [window.admit(1, now) for now in (5.0, 5.9, 6.0)] == [True, False, True]


def test_windows_of_a_table_are_their_owners_own() -> None:
    """One that is used up takes nothing from another."""
    table = RateTable(10)
    table.admit("a", 1, 0.0)

    assert not table.admit("a", 1, 59.9)
    assert table.admit("b", 1, 59.9)
    assert table.wait_seconds("a", 50.0) == 10.0
    assert table.admit("a", 1, 60.0)
    assert table.wait_seconds("nobody", 60.0) == 0.0


def test_of_too_many_windows_the_oldest_are_forgotten() -> None:
    """However many there are, nobody shares a counter: the newest are counted exactly."""
    table = RateTable(1_000)
    for number in range(5_000):
        assert table.admit(number, 1, number / 1_000)

    assert len(table) == 1_000
    assert not any(table.admit(number, 1, 5.0) for number in range(4_000, 5_000))
    assert table.admit(0, 1, 5.0)


def test_windows_that_ended_are_not_kept() -> None:
    """Memory follows those who are there, not those who were."""
    table = RateTable(1_000)
    for number in range(500):
        table.admit(number, 1, 0.0)

    table.admit("later", 1, 60.0)

    assert len(table) == 1


def test_waits_are_spread() -> None:
    """From half a second to three."""
    assert [spread_retry_ms(part) for part in (0.0, 0.5, 1.0)] == [500, 1750, 3000]
