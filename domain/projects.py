"""A project: one customer's site and its rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.cards import Card, Limits
from domain.errors import Invalid
from domain.ids import ProjectId
from domain.json_values import Json, JsonObject
from domain.operating_hours import parse_hours
from domain.origins import check_origins
from domain.tokens.policy import TokenPolicy

NAME_LENGTH = 200
MOST_A_MINUTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Project:
    """A project as SQL holds it. `epoch` is the lowest secret generation it still accepts.

    Attributes:
        halted_at: since when nobody can sign in, because SQL has lost commits that Redis knows of.
        halted_epoch: the highest generation that Redis knew of then; SQL's next one is above it.
    """

    id: ProjectId
    name: str
    time_zone: str
    operating_hours: JsonObject | None
    token_policy: TokenPolicy
    allowed_origins: tuple[str, ...]
    limits: Limits
    epoch: int
    revision: int
    created_at: datetime
    halted_at: datetime | None = None
    halted_epoch: int | None = None

    @property
    def is_halted(self) -> bool:
        """Whether nobody can sign in until an operator has settled it."""
        return self.halted_at is not None

    def card(self) -> Card:
        """What gateway nodes may know of it."""
        return Card(
            project_id=self.id,
            epoch=self.epoch,
            revision=self.revision,
            allowed_origins=self.allowed_origins,
            limits=self.limits,
            leeway_seconds=self.token_policy.leeway_seconds,
        )


def check_name(name: str) -> str:
    """The name, known to be printable text of 1-200 characters.

    Raises:
        Invalid: it is not.
    """
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        message = f"name: give 1 to {NAME_LENGTH} printable characters"
        raise Invalid(message)
    return name.strip()


def check_time_zone(time_zone: str) -> str:
    """The zone's IANA name, known to exist.

    Raises:
        Invalid: there is no such zone.
    """
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "time_zone: give the name of an IANA time zone, such as Europe/Rome or UTC"
        raise Invalid(message) from error
    return time_zone


def change(project: Project, changes: Mapping[str, Json]) -> Project:
    """The project with these members changed; those that are not given stay as they are.

    Raises:
        Invalid: naming the member that is unknown or not usable.
    """
    for member, value in changes.items():
        project = _with(project, member, value)
    return project


def _with(project: Project, member: str, value: Json) -> Project:
    match member:
        case "name":
            return replace(project, name=check_name(_text(member, value)))
        case "time_zone":
            return replace(project, time_zone=check_time_zone(_text(member, value)))
        case "operating_hours":
            hours = parse_hours(value)
            return replace(project, operating_hours=hours.to_json() if hours else None)
        case "token_policy":
            return replace(project, token_policy=_policy(project.token_policy, value))
        case "allowed_origins":
            return replace(project, allowed_origins=check_origins(value))
        case "limits":
            return replace(project, limits=_limits(project.limits, value))
        case _:
            message = f"{member[:64]}: there is no such setting"
            raise Invalid(message)


def _text(member: str, value: Json) -> str:
    if isinstance(value, str):
        return value
    message = f"{member}: give text"
    raise Invalid(message)


def _policy(before: TokenPolicy, value: Json) -> TokenPolicy:
    """A policy that names a preset starts from it; one that does not changes what there is."""
    if not isinstance(value, dict):
        message = "token_policy: give an object"
        raise Invalid(message)
    return TokenPolicy.from_json(value if "preset" in value else {**before.to_json(), **value})


def _limits(before: Limits, value: Json) -> Limits:
    if not isinstance(value, dict):
        message = "limits: give an object"
        raise Invalid(message)
    for limit, number in value.items():
        if limit not in Limits.__slots__:
            message = f"limits.{limit[:64]}: there is no such limit"
            raise Invalid(message)
        if type(number) is not int or not 1 <= number <= MOST_A_MINUTE:
            message = f"limits.{limit}: give a whole number from 1 to {MOST_A_MINUTE} a minute"
            raise Invalid(message)
    return replace(before, **value)  # type: ignore[arg-type]
