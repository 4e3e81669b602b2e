"""Figures of a project, hour by hour: sign-ins, refusals, and samples of its live sessions.

They are there to be looked at: nothing is decided by them, so some may be lost, and a command that
a broken connection made redis-py repeat counts twice. Nobody's name or id is in them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.ids import ProjectId
from storage.redis import keys
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import Command, ask_all, exchange_async

HOUR = timedelta(hours=1)
SLOT = timedelta(minutes=5)
"""Live sessions are sampled once in such a slot; one that begins with the hour is slot 0."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNED_IN = "in"
_REFUSED = "no"
_LIVE = "live"
_ANONYMOUS = "anon"


@dataclass(slots=True)
class SignInCounts:
    """Sign-ins by the generation of the secret that vouched, and refusals by code."""

    signed_in: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class HourFigures:
    """One hour. `live` holds samples by slot: sessions by generation, under None the anonymous."""

    begins: datetime
    counts: SignInCounts = field(default_factory=SignInCounts)
    live: dict[int, dict[int | None, int]] = field(default_factory=dict)


def hour_of(moment: datetime) -> int:
    """The number of the hour since 1970 that the moment lies in."""
    return (moment - _EPOCH) // HOUR


def slot_of(moment: datetime) -> int:
    """The number of the slot since 1970 that the moment lies in."""
    return (moment - _EPOCH) // SLOT


def counting(counts: Mapping[ProjectId, SignInCounts], now: datetime) -> list[Command]:
    """The commands that add these counts to the present hour; as many a project as it has kinds."""
    commands: list[Command] = []
    for project_id, counted in counts.items():
        key = keys.figures(project_id, hour_of(now))
        for generation, count in counted.signed_in.items():
            commands.append(("HINCRBY", key, f"{_SIGNED_IN}:{generation}", count))
        for code, count in counted.refused.items():
            commands.append(("HINCRBY", key, f"{_REFUSED}:{code}", count))
        commands.append(("EXPIRE", key, keys.FIGURES_SECONDS))
    return commands


async def add(client: AsyncRedis, counts: Mapping[ProjectId, SignInCounts], now: datetime) -> None:
    """These counts are added to the present hour; what Redis refuses is passed over.

    Raises:
        StorageUnavailable: Redis does not answer; some may have been added.
    """
    await exchange_async(client, counting(counts, now))


def note_samples(
    client: Redis, samples: Mapping[ProjectId, Mapping[int | None, int]], now: datetime
) -> None:
    """The present slot holds these sessions by generation; the last sample of a slot counts.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    slot = slot_of(now) % (HOUR // SLOT)
    commands: list[Command] = []
    for project_id, sample in samples.items():
        key = keys.figures(project_id, hour_of(now))
        for generation, count in sample.items():
            whose = _ANONYMOUS if generation is None else generation
            commands.append(("HSET", key, f"{_LIVE}:{slot}:{whose}", count))
        commands.append(("EXPIRE", key, keys.FIGURES_SECONDS))
    ask_all(client, commands)


def read_hours(client: Redis, project_id: ProjectId, hours: Iterable[int]) -> list[HourFigures]:
    """The figures of these hours, in their order; an hour that nothing is known of is empty.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    wanted = list(hours)
    stored = ask_all(client, (("HGETALL", keys.figures(project_id, hour)) for hour in wanted))
    return [
        _figures(_EPOCH + hour * HOUR, fields) for hour, fields in zip(wanted, stored, strict=True)
    ]


def _figures(begins: datetime, fields: Mapping[bytes, bytes]) -> HourFigures:
    figures = HourFigures(begins)
    for name, count in fields.items():
        kind, of = name.decode().split(":", 1)
        if kind == _SIGNED_IN:
            figures.counts.signed_in[int(of)] = int(count)
        elif kind == _REFUSED:
            figures.counts.refused[of] = int(count)
        else:
            slot, whose = of.split(":")
            generation = None if whose == _ANONYMOUS else int(whose)
            figures.live.setdefault(int(slot), {})[generation] = int(count)
    return figures
