"""Sees what passes in a test run and holds it against docs/asyncapi.yaml.

Whoever plays a widget, a browser or a worker in the tests tells it here. Nothing is raised on the
spot, as it may be told on any thread: the plug-in fails the test in which a contradiction was seen.
"""

import os
from collections import Counter
from typing import Any

import orjson
import sqlalchemy as sa

from domain.errors import StorageUnavailable
from domain.times import to_wire
from gateway.frames import FrameInvalid, ProtocolBroken, parse_frame
from storage.sql.engine import Database
from storage.sql.tables import outbox
from tests.published import asyncapi

MOST_EVENTS = 400
_NO_CLOSE_OF_OURS = {1000, 1001, 1005, 1006}


class Witness:
    """What one process of a run has seen, and what of it contradicts the document."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.contradictions: list[str] = []

    def sent(self, text: str | bytes) -> None:
        """A widget says this: the document must allow exactly what the gateway takes."""
        if isinstance(text, bytes):
            return
        frame = _json(text)
        message = asyncapi.frames_of("hearWidget").get(_type(frame), "")
        wrong = asyncapi.faults(message, frame) if message else ["unknown type"]
        if _is_taken(text) is not (not wrong):
            self.contradictions.append(
                f"sent {message or 'frame'}: taken {bool(wrong)}, but {wrong}"
            )
        elif not wrong:
            self.seen[f"hearWidget {message}"] += 1

    def received(self, text: str | bytes) -> None:
        """The gateway says this to a widget."""
        frame = _json(text)
        message = asyncapi.frames_of("tellWidget").get(_type(frame))
        if message is None:
            self.contradictions.append(f"received a frame of type {_type(frame)!r}")
        else:
            self._hold("tellWidget", message, frame)

    def closed(self, code: int, reason: str) -> None:
        """The gateway closed a widget's socket; other ends of a connection are passed over."""
        if code in _NO_CLOSE_OF_OURS:
            return
        why = _json(reason)
        message = asyncapi.closes().get((code, why.get("code", "")))
        if message is None:
            self.contradictions.append(f"closed with {code} {why.get('code')!r}")
        else:
            self._hold("closeSocket", message, why)

    def queued(self, task: str, arguments: dict[str, Any]) -> None:
        """One of our processes sent this task."""
        queue = asyncapi.tasks().get(task)
        if queue is None:
            self.contradictions.append(f"queued {task}")
        else:
            self._hold(queue, task, arguments)

    def written(self, database: Database) -> None:
        """The database's outbox holds these events; one that a test has made away with, none."""
        columns = (outbox.c.event_id, outbox.c.kind, outbox.c.created_at, outbox.c.payload)
        query = sa.select(*columns).order_by(outbox.c.event_id).limit(MOST_EVENTS)
        try:
            with database.reading() as db:
                rows = db.execute(query).mappings().all()
        except (StorageUnavailable, sa.exc.SQLAlchemyError):
            return
        for row in rows:
            item = {
                "id": row["event_id"],
                "kind": row["kind"],
                "created_at": to_wire(row["created_at"]),
                "payload": row["payload"],
            }
            if row["kind"] in asyncapi.messages_in("outbox"):
                self._hold("outbox", row["kind"], item)
            else:
                self.contradictions.append(f"written {row['kind']}")

    def take_contradictions(self) -> list[str]:
        """What was seen since it was last asked."""
        taken = self.contradictions[:]
        self.contradictions.clear()
        return taken

    def _hold(self, place: str, message: str, payload: object) -> None:
        self.seen[f"{place} {message}"] += 1
        if wrong := asyncapi.faults(message, payload):
            self.contradictions.append(f"{place} {message}: {wrong}")


WITNESS = Witness()


def every_thing() -> list[str]:
    """All that can be seen."""
    operations = ("hearWidget", "tellWidget", "closeSocket")
    return [
        *(f"{each} {message}" for each in operations for message in asyncapi.messages_of(each)),
        *(f"{queue} {task}" for task, queue in asyncapi.tasks().items()),
        *(f"outbox {kind}" for kind in asyncapi.messages_in("outbox")),
    ]


def is_of_this_process(origin: str | None) -> bool:
    """Whether Celery's name of a sender is this process: a test forges messages on purpose."""
    return origin is None or origin.startswith(f"gen{os.getpid()}@")


def _is_taken(text: str) -> bool:
    try:
        parse_frame(text.encode(errors="surrogatepass"))
    except (ProtocolBroken, FrameInvalid):
        return False
    return True


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _type(frame: dict[str, Any]) -> str:
    return frame["type"] if isinstance(frame.get("type"), str) else ""
