"""The overview's figures, as people read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.pages.session_chart import Chart, make_chart
from domain.alarms import Alarm
from domain.refusals import SENTENCES, RefusalCode
from domain.rotations import Rotation, RotationHow
from domain.signing_secrets import SecretState, SigningSecret
from services.read_overview import HOURS, LiveFigures, Overview, QueueRun
from storage.redis.figures import HOUR, hour_of

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret that is in use, or was used in the last day."""

    name: str
    ends_in: str | None
    state: SecretState
    live: int
    signed_in: int
    last_verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Refusals of one kind, and what a site's developer does about them."""

    code: str
    count: int
    advice: str


@dataclass(frozen=True, slots=True)
class CutRow:
    """A revocation that has taken effect, and how long it took from when it was wanted.

    `effective_after` is None where somebody ran a planned one before its date.
    """

    rotation: Rotation
    was_planned: bool
    wanted_at: datetime
    effective_after: str | None
    completed_after: str | None


@dataclass(frozen=True, slots=True)
class Steps:
    """How far a new project has come on its way to the first sign-in."""

    has_secret: bool
    has_widget: bool


@dataclass(frozen=True, slots=True)
class LivePart:
    """What Redis knows."""

    chart: Chart
    signed_in_now: int
    anonymous_now: int
    signed_in: int
    refused: int
    refusals: list[RefusalRow]
    since: datetime
    queues: list[QueueRun]


@dataclass(frozen=True, slots=True)
class OverviewShown:
    """The page's facts."""

    steps: Steps | None
    secrets: list[SecretRow]
    cuts: list[CutRow]
    alarms: list[Alarm]
    live: LivePart | None


def show_overview(overview: Overview, *, names_secrets: bool) -> OverviewShown:
    """The overview for people.

    Args:
        overview: as it was read.
        names_secrets: whether the reader may know a secret's last four characters.
    """
    live = overview.live
    return OverviewShown(
        steps=_steps(overview),
        secrets=list(_secret_rows(overview, names_secrets=names_secrets)),
        cuts=list(map(_cut_row, overview.cuts)),
        alarms=overview.alarms,
        live=_live_part(live, overview.project.time_zone) if live else None,
    )


def took(span: timedelta) -> str:
    """A length of time as people say it: `at once`, `38 ms`, `1.2 s`, `4 min`."""
    if span < _MS:
        return "at once"
    if span < timedelta(seconds=1):
        return f"{span // _MS} ms"
    if span < timedelta(minutes=1):
        return f"{span.total_seconds():.1f} s"
    if span < timedelta(hours=2):
        return f"{round(span / timedelta(minutes=1))} min"
    return f"{round(span / HOUR)} h"


def _steps(overview: Overview) -> Steps | None:
    if any(secret.last_verified_at for secret in overview.secrets):
        return None
    has_widget = bool(overview.live and (overview.live.sessions or overview.live.samples))
    return Steps(has_secret=bool(overview.secrets), has_widget=has_widget)


def _live_part(live: LiveFigures, zone: str) -> LivePart:
    anonymous = live.sessions.get(None, 0)
    refused = live.counts.refused
    return LivePart(
        chart=make_chart(live, zone),
        signed_in_now=sum(live.sessions.values()) - anonymous,
        anonymous_now=anonymous,
        signed_in=live.counts.signed_in.total(),
        refused=refused.total(),
        refusals=[RefusalRow(code, n, _advice(code)) for code, n in refused.most_common()],
        since=datetime.fromtimestamp(0, live.now.tzinfo) + (hour_of(live.now) - HOURS + 1) * HOUR,
        queues=live.queues,
    )


def _advice(code: str) -> str:
    return SENTENCES[RefusalCode(code)] if code in SENTENCES else ""


def _secret_rows(overview: Overview, *, names_secrets: bool) -> Iterator[SecretRow]:
    sessions = overview.live.sessions if overview.live else {}
    signed_in = overview.live.counts.signed_in if overview.live else {}
    for secret in overview.secrets:
        live, count = sessions.get(secret.generation, 0), signed_in.get(secret.generation, 0)
        if secret.state is not SecretState.REVOKED or live or count:
            yield SecretRow(
                name=name_of(secret),
                ends_in=secret.last_four if names_secrets else None,
                state=secret.state,
                live=live,
                signed_in=count,
                last_verified_at=secret.last_verified_at,
            )


def name_of(secret: SigningSecret) -> str:
    """What a secret is called where its key id would be too long."""
    return f"Secret {secret.generation}"


def _cut_row(rotation: Rotation) -> CutRow:
    effective_at = rotation.effective_at
    if effective_at is None:
        message = "a cut that has not taken effect is not shown"
        raise ValueError(message)
    due_at = None if rotation.how == RotationHow.NOW else rotation.due_at
    wanted_at = due_at or rotation.requested_at
    completed_at = rotation.completed_at
    return CutRow(
        rotation=rotation,
        was_planned=due_at is not None,
        wanted_at=wanted_at,
        effective_after=took(effective_at - wanted_at) if effective_at >= wanted_at else None,
        completed_after=took(completed_at - effective_at) if completed_at else None,
    )
