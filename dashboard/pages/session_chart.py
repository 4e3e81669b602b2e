"""The chart of live sessions over the last day: from samples to shapes, and to a table."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from services.read_overview import SLOTS, LiveFigures, Sample
from storage.redis.figures import HOUR, SLOT, slot_of

HEIGHT = 100
LEAST_TOP = 4
MOST_SECRETS = 3
LABEL_EVERY_HOURS = 6

ANONYMOUS = "Anonymous"
EARLIER = "Earlier secrets"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = (1, 2, 3, 4, 5, 6, 8)
_SLOTS_AN_HOUR = HOUR // SLOT
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Series:
    """One band of the chart.

    Attributes:
        name: as the legend has it.
        kind: the style that it is drawn in.
        path: in units of one slot across and `HEIGHT` for the chart's top.
        now: how many there are at this moment.
    """

    name: str
    kind: str
    path: str
    now: int


@dataclass(frozen=True, slots=True)
class HourRow:
    """The most sessions that were seen at a time in an hour, a number a series; None: no sample."""

    begins: datetime
    most: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A time under the chart, at so many hundredths of its width."""

    text: str
    percent: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bands upon each other, the newest secret's lowest, up to `top` sessions."""

    series: list[Series]
    top: int
    labels: list[Label]
    rows: list[HourRow]
    peak: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sampled."""
        return not any(count for row in self.rows for count in row.most)


def make_chart(live: LiveFigures, zone: str) -> Chart:
    """The chart of these samples, with times in that zone."""
    generations = _shown(live)
    names = [f"Secret {generation}" for generation in generations] + [EARLIER, ANONYMOUS]
    kinds = [f"secret-{n}" for n in range(1, len(generations) + 1)] + ["earlier", "anonymous"]
    stacks = {sample.slot: _stack(sample.live, generations) for sample in live.samples}
    now = _stack(live.sessions, generations)
    peak = max(map(sum, stacks.values()), default=0)
    top = _round_up(max(peak, LEAST_TOP))
    first = slot_of(live.now) - SLOTS + 1
    series = [
        Series(name, kind, _path(stacks, number, first, top), now[number])
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    used = [n for n, each in enumerate(series) if each.path or each.now or each.name == ANONYMOUS]
    return Chart(
        series=[series[n] for n in used],
        top=top,
        labels=list(_labels(first, ZoneInfo(zone))),
        rows=list(
            _rows(live.samples, lambda sample: _stack(sample.live, generations), used, first)
        ),
        peak=peak,
    )


def _shown(live: LiveFigures) -> list[int]:
    """The generations that have a band of their own: the newest of those that were seen."""
    seen = {generation for sample in live.samples for generation in sample.live}
    known = {generation for generation in {*seen, *live.sessions} if generation is not None}
    return sorted(known, reverse=True)[:MOST_SECRETS]


def _stack(live: dict[int | None, int], generations: Sequence[int]) -> tuple[int, ...]:
    """A number for each band, from the lowest up."""
    own = [live.get(generation, 0) for generation in generations]
    anonymous = live.get(None, 0)
    return (*own, sum(live.values()) - sum(own) - anonymous, anonymous)


def _path(stacks: dict[int, tuple[int, ...]], number: int, first: int, top: int) -> str:
    """Steps from slot to slot; as few as there are changes."""
    spans = []
    for slot, stack in sorted(stacks.items()):
        if stack[number]:
            low = sum(stack[:number])
            spans.append((slot - first, low, low + stack[number]))
    drawn = []
    for _, run in groupby(enumerate(spans), lambda each: (each[1][0] - each[0], *each[1][1:])):
        steps = [span for _, span in run]
        (left, low, high), width = steps[0], len(steps)
        drawn.append(f"M{left} {_y(high, top)}h{width}V{_y(low, top)}h-{width}z")
    return "".join(drawn)


def _y(count: int, top: int) -> str:
    return f"{HEIGHT - HEIGHT * count / top:.2f}".rstrip("0").rstrip(".")


def _round_up(count: int) -> int:
    """The least of such steps, or of them in tens, hundreds and so on, not below the count."""
    unit = 1
    while True:
        for step in _STEPS:
            if step * unit >= count:
                return step * unit
        unit *= 10


def _labels(first: int, zone: ZoneInfo) -> Iterator[Label]:
    """Every quarter of a day of the zone's own, which may begin at a quarter past an hour."""
    begins = _EPOCH + first * SLOT
    ends = begins + SLOTS * SLOT
    for n in range(-((_EPOCH - begins) // _QUARTER), (ends - _EPOCH) // _QUARTER + 1):
        moment = _EPOCH + n * _QUARTER
        local = moment.astimezone(zone)
        if local.minute == 0 and local.hour % LABEL_EVERY_HOURS == 0:
            percent = 100 * (moment - begins) / (ends - begins)
            yield Label(f"{local:%H:%M}", round(percent, 2))


def _rows(
    samples: Sequence[Sample],
    stack: Callable[[Sample], tuple[int, ...]],
    used: Sequence[int],
    first: int,
) -> Iterator[HourRow]:
    """Every hour of the day, the latest first."""
    most: dict[int, Counter[int]] = {}
    for sample in samples:
        of_hour = most.setdefault(sample.slot // _SLOTS_AN_HOUR, Counter())
        of_hour |= Counter(dict(enumerate(stack(sample))))
    last = (first + SLOTS - 1) // _SLOTS_AN_HOUR
    for hour in range(last, first // _SLOTS_AN_HOUR - 1, -1):
        seen = most.get(hour)
        counts = tuple(None if seen is None else seen[number] for number in used)
        yield HourRow(_EPOCH + hour * HOUR, counts)
