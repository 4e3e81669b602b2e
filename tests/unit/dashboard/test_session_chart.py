"""The chart of live sessions: shapes and a table from samples."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.pages.session_chart import ANONYMOUS, EARLIER, Chart, make_chart
from services.read_overview import LiveFigures, Sample
from storage.redis.figures import SignInCounts, slot_of

NOW = datetime(2026, 11, 22, 12, 32, tzinfo=UTC)
LAST = slot_of(NOW)


def chart_of(
    samples: dict[int, dict[int | None, int]],
    now: dict[int | None, int] | None = None,
    zone: str = "UTC",
    moment: datetime = NOW,
) -> Chart:
    """The chart of samples so many slots ago."""
    in_order = [
        Sample(slot_of(moment) - ago, live) for ago, live in sorted(samples.items(), reverse=True)
    ]
    return make_chart(LiveFigures(moment, now or {}, SignInCounts(), in_order, []), zone)


def path(chart: Chart, name: str) -> str:
    """The shape of the band of that name."""
    return next(series.path for series in chart.series if series.name == name)


def test_bands_stand_upon_each_other() -> None:
    """The newest secret's lowest, the anonymous on top, each to the chart's scale."""
    chart = chart_of({0: {1: 1, 2: 1, None: 2}})

    assert [series.name for series in chart.series] == ["Secret 2", "Secret 1", ANONYMOUS]
    assert (chart.top, chart.peak) == (4, 4)
    assert path(chart, "Secret 2") == "M287 75h1V100h-1z"
    assert path(chart, "Secret 1") == "M287 50h1V75h-1z"
    assert path(chart, ANONYMOUS) == "M287 0h1V50h-1z"


def test_equal_neighbours_are_one_shape() -> None:
    """A night without a change is drawn once; a slot without a sample is a gap."""
    chart = chart_of({ago: {None: 4} for ago in (0, 1, 2, 4)} | {5: {None: 2}})

    assert path(chart, ANONYMOUS) == "M282 50h1V100h-1zM283 0h1V100h-1zM285 0h3V100h-3z"


def test_many_secrets_share_a_band() -> None:
    """The newest three have their own; what others vouch for is added up."""
    chart = chart_of({0: dict.fromkeys((1, 2, 3, 4, 5), 2)}, now={5: 7, 1: 1, 2: 1})

    assert [(series.name, series.now) for series in chart.series] == [
        ("Secret 5", 7),
        ("Secret 4", 0),
        ("Secret 3", 0),
        (EARLIER, 2),
        (ANONYMOUS, 0),
    ]


@pytest.mark.parametrize(
    ("peak", "top"), [(0, 4), (4, 4), (7, 8), (9, 10), (11, 20), (272, 300), (70_000, 80_000)]
)
def test_the_scale_ends_at_a_round_number(peak: int, top: int) -> None:
    """Not far above the highest."""
    assert chart_of({0: {None: peak}} if peak else {}).top == top


def test_the_table_says_the_most_of_each_hour() -> None:
    """The latest first; an hour without a sample says nothing, one with none there says 0."""
    chart = chart_of({0: {1: 1, None: 5}, 3: {1: 2, None: 4}, 7: {None: 9}})

    rows = {row.begins.hour: row.most for row in chart.rows[:3]}
    assert rows == {12: (2, 5), 11: (0, 9), 10: (None, None)}
    assert len(chart.rows) == 25
    assert chart_of({}).is_empty


@pytest.mark.parametrize(
    ("zone", "moment", "labels"),
    [
        ("UTC", NOW, ["18:00", "00:00", "06:00", "12:00"]),
        ("Asia/Kolkata", NOW, ["00:00", "06:00", "12:00", "18:00"]),
        ("Pacific/Chatham", NOW, ["06:00", "12:00", "18:00", "00:00"]),
        # The clocks go back at three in the morning: there is an hour more.
        (
            "Europe/Rome",
            datetime(2026, 10, 25, 11, tzinfo=UTC),
            ["18:00", "00:00", "06:00", "12:00"],
        ),
    ],
)
def test_hours_are_the_projects_own(zone: str, moment: datetime, labels: list[str]) -> None:
    """Whole quarters of its day, wherever it is, in their order."""
    chart = chart_of({}, zone=zone, moment=moment)

    assert [label.text for label in chart.labels] == labels
    percents = [label.percent for label in chart.labels]
    assert percents == sorted(percents)
    assert all(0 <= percent <= 100 for percent in percents)


def test_a_label_stands_at_its_time() -> None:
    """An hour and five minutes before the end is that much of the day."""
    [*_, last] = chart_of({}, moment=datetime(2026, 11, 22, 13, 0, tzinfo=UTC)).labels

    assert last.text == "12:00"
    assert last.percent == pytest.approx(
        100 * (1 - timedelta(minutes=65) / timedelta(days=1)), 0.01
    )
