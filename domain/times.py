"""Times on the wire: ISO 8601 in UTC with milliseconds and a Z."""

from datetime import UTC, datetime


def to_wire(moment: datetime) -> str:
    """The moment as `2026-11-22T09:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_wire(text: str) -> datetime:
    """The moment that `to_wire` wrote.

    Raises:
        ValueError: the text is no ISO 8601 time of the years 1-9999, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "a time needs a zone, such as the final Z of 2026-11-22T09:00:00Z"
        raise ValueError(message)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        message = "a time lies within the years 1-9999 in UTC"
        raise ValueError(message) from error
