"""How callers say when a previous secret is to end."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from dashboard.wire import Question
from domain.rotation_dates import MOST_STRETCH_MINUTES, OffHours, When, parse_when
from domain.rotation_refusals import DateInvalid
from domain.times import from_wire

NOW = "now"
OFF_HOURS = "off_hours"


def _known_moment(text: str) -> str:
    try:
        parse_when(text)
    except DateInvalid:
        message = "give now, off_hours, or a time such as 2026-11-22T09:00:00Z"
        raise ValueError(message) from None
    return text


def _time(text: object) -> object:
    try:
        return from_wire(text) if isinstance(text, str) else text
    except (ValueError, OverflowError):
        message = "give a time such as 2026-11-22T09:00:00Z"
        raise ValueError(message) from None


Moment = Annotated[
    str,
    AfterValidator(_known_moment),
    WithJsonSchema(
        {"anyOf": [{"enum": [NOW, OFF_HOURS]}, {"type": "string", "format": "date-time"}]}
    ),
]
Time = Annotated[
    datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
Minutes = Annotated[int, Field(ge=0, le=MOST_STRETCH_MINUTES)]


class DateWish(Question):
    """Which off-hours will do."""

    stretch_minutes: Minutes = Field(
        default=0, description="For off_hours alone: how long chat has to be offline."
    )
    not_before: Time | None = Field(
        default=None, description="For off_hours alone: earlier ones are not meant."
    )

    def when(self, retire_previous: str) -> When | None:
        """The date that is wished for; None for now.

        Raises:
            DateInvalid: it says which off-hours will do, and asks for none.
        """
        wanted = parse_when(retire_previous)
        if isinstance(wanted, OffHours):
            return OffHours(self.stretch_minutes, self.not_before)
        if self.stretch_minutes or self.not_before:
            raise DateInvalid("retire_previous: give off_hours with stretch_minutes or not_before")
        return wanted
