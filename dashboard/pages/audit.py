"""The audit log: who did what, when and from where, and how to find it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response

from dashboard.pages.audit_sentences import (
    SENTENCES,
    Detail,
    actor_words,
    details_of,
    sentence_of,
)
from dashboard.pages.overview_figures import name_of
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import Line, ProjectPath
from domain.permissions import Action
from services.read_audit import AuditLine, read_audit
from storage.sql import actors, projects, signing_secrets
from storage.sql.actors import ActorName
from storage.sql.audit import REFUSED, AuditFilter

PATH = "audit"
MOST_CHARACTERS = 100
MINUTE = timedelta(minutes=1)
FIRST_YEAR, LAST_YEAR = 1970, 9000

_KINDS = (("cli", "The command line"), ("worker", "The system"), ("policy", "The rotation policy"))

router = APIRouter(route_class=PageRoute, include_in_schema=False)

AuditPage = Annotated[Page, Depends(page_of("audit"))]
Text = Annotated[Line, Query(max_length=MOST_CHARACTERS)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters as they were entered; empty ones admit all. Times are the project's own."""

    action: str
    actor: str
    since: str
    until: str
    refused: str

    @property
    def query(self) -> str:
        """The same as the query of a path."""
        members = {name: getattr(self, name) for name in Wanted.__slots__}
        return urlencode({name: text for name, text in members.items() if text})


@dataclass(frozen=True, slots=True)
class LineShown:
    """One entry, as people read it."""

    at: datetime
    at_text: str
    actor: str
    actor_note: str
    source: str | None
    sentence: str
    details: list[Detail]
    was_refused: bool


def _wanted(
    action: Text = "", actor: Text = "", since: Text = "", until: Text = "", refused: Text = ""
) -> Wanted:
    return Wanted(action, actor, since, until, refused)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.AUDIT_LIST)
def read(
    request: Request,
    runtime: RuntimeOf,
    project_id: ProjectPath,
    listed: AuditPage,
    wanted: Annotated[Wanted, Depends(_wanted)],
) -> Response:
    """A page of the log, the newest first."""
    with runtime.stores.database.reading() as db:
        zone = ZoneInfo(projects.get_project(db, project_id).time_zone)
        known, faults = _parse(wanted, zone)
        lines = read_audit(db, project_id, known, limit=listed.ahead, before=listed.after)
        names = actors.list_names(db, project_id)
        secrets = signing_secrets.list_secrets(db, project_id)
    found, next_cursor = listed.cut(lines, lambda line: line.entry.id)
    path = f"/projects/{project_id}/{PATH}"
    # Of others than the project's own, such as owners, only whom its log names.
    names |= {line.entry.actor: line.actor for line in found if line.actor}
    called = {actor.partition(":")[2]: name.text for actor, name in names.items()}
    called |= {secret.key_id: name_of(secret) for secret in secrets}
    return page(
        request,
        "audit.html",
        status=422 if faults else 200,
        lines=[_line(line, zone, called) for line in found],
        wanted=wanted,
        faults=faults,
        path=f"{path}?{wanted.query}" if wanted.query else path,
        next_cursor=next_cursor,
        is_first=listed.after is None,
        actions=_with(sorted(SENTENCES.items(), key=lambda each: each[1]), wanted.action),
        actors=_with(_choices(names), wanted.actor),
    )


def _parse(wanted: Wanted, zone: ZoneInfo) -> tuple[AuditFilter, dict[str, str]]:
    """What to look for, and what is wrong with the times; `until` has its minute in it."""
    faults: dict[str, str] = {}
    times: dict[str, datetime] = {}
    for name in ("since", "until"):
        if text := getattr(wanted, name):
            try:
                times[name] = _time(text, zone)
            except ValueError:
                faults[name] = "Give a date and a time."
    if "until" in times:
        times["until"] += MINUTE
    known = AuditFilter(
        action=wanted.action or None,
        actor=wanted.actor or None,
        since=times.get("since"),
        until=times.get("until"),
        refused=bool(wanted.refused),
    )
    return known, faults


def _time(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(text)
    return moment.replace(tzinfo=zone)


def _line(line: AuditLine, zone: ZoneInfo, called: Mapping[str, str]) -> LineShown:
    entry, name = line.entry, line.actor
    return LineShown(
        at=entry.at,
        at_text=_to_the_second(entry.at.astimezone(zone)),
        actor=name.text if name else actor_words(entry.actor),
        actor_note=f"API key …{name.last_four}" if name and name.last_four else "",
        source=entry.source,
        sentence=sentence_of(entry),
        details=details_of(entry, called),
        was_refused=entry.action.endswith(REFUSED),
    )


def _to_the_second(local: datetime) -> str:
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


def _with(choices: list[tuple[str, str]], wanted: str) -> list[tuple[str, str]]:
    """The choices, among them what is wanted now, wherever that came from."""
    if not wanted or any(value == wanted for value, _ in choices):
        return choices
    return [*choices, (wanted, wanted)]


def _choices(names: Mapping[str, ActorName]) -> list[tuple[str, str]]:
    people = [
        (actor, f"{name.text} (API key …{name.last_four})" if name.last_four else name.text)
        for actor, name in names.items()
    ]
    return [*sorted(people, key=lambda each: each[1]), *_KINDS]
