"""The records that a batch of sign-ins touches: loaded and written in sets."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import DeviceId, VisitorId
from domain.merging import DeviceRecord, Plan, Records, SignIn, VisitorRecord
from storage.sql import tables
from storage.sql.sets import SetLookup, SetUpsert

_VISITOR_COLUMNS = (
    "id",
    "project_id",
    "custom_id",
    "name",
    "email",
    "attributes",
    "authenticated_at",
    "authenticated_by",
    "merged_into",
    "last_message_id",
    "created_at",
)
_people = SetLookup(tables.visitors, ["project_id", "custom_id"])
_visitors = SetLookup(tables.visitors, ["id"])
_devices = SetLookup(tables.devices, ["id"])
_undone = SetLookup(tables.merges, ["absorbed_id"], where="merges.undone_at IS NOT NULL")

_write_visitors = SetUpsert(
    tables.visitors,
    _VISITOR_COLUMNS,
    "(id) DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in _VISITOR_COLUMNS[2:-1]),
)
_write_merges = SetUpsert(
    tables.merges,
    ("id", "project_id", "survivor_id", "absorbed_id", "request_id", "merged_at"),
    "DO NOTHING",
)
_write_devices = SetUpsert(
    tables.devices,
    ("id", "project_id", "visitor_id", "created_at", "ended_at"),
    "(id) DO UPDATE SET ended_at = coalesce(devices.ended_at, excluded.ended_at)",
)


def load_records(db: Connection, sign_ins: Sequence[SignIn]) -> Records:
    """Everything that planning these sign-ins needs; at most four statements.

    The projects concerned are locked, so nothing of it changes until the transaction ends.
    """
    anonymous = [(s.anonymous_id,) for s in sign_ins if s.anonymous_id]
    people = _people.find(db, ((s.project_id, s.custom_id) for s in sign_ins))
    visitors = _visitors.find(db, anonymous)
    devices = _devices.find(db, ((s.device_id,) for s in sign_ins if s.device_id))
    undone = _undone.find(db, anonymous)
    return Records(
        people={(row["project_id"], row["custom_id"]): _visitor(row) for row in people},
        visitors={row["id"]: _visitor(row) for row in visitors},
        devices={row["id"]: DeviceRecord(**row) for row in devices},
        undone=frozenset((row["survivor_id"], row["absorbed_id"]) for row in undone),
    )


def apply_plan(db: Connection, plan: Plan, merge_ids: Sequence[str]) -> None:
    """The plan is written; at most three statements.

    Args:
        merge_ids: an unused id for each of the plan's merges.
    """
    write_visitors(db, plan.visitors.values())
    _write_merges.write(
        db,
        [
            {"id": merge_id, **_row(merge)}
            for merge_id, merge in zip(merge_ids, plan.merges, strict=True)
        ],
    )
    write_devices(db, plan.devices.values())


def write_visitors(db: Connection, visitors: Iterable[VisitorRecord]) -> None:
    """These records are written, survivors before what they absorbed; one statement."""
    in_order = sorted(visitors, key=lambda v: v.merged_into is not None)
    _write_visitors.write(db, [_row(visitor) for visitor in in_order])


def write_devices(db: Connection, devices: Iterable[DeviceRecord]) -> None:
    """These devices are written, an end once written stands; one statement."""
    _write_devices.write(db, [_row(device) for device in devices])


def find_visitors(db: Connection, ids: Iterable[VisitorId]) -> dict[VisitorId, VisitorRecord]:
    """The records there are of these ids; one statement."""
    return {row["id"]: _visitor(row) for row in _visitors.find(db, ((id_,) for id_ in ids))}


def find_devices(db: Connection, ids: Iterable[DeviceId]) -> dict[DeviceId, DeviceRecord]:
    """The rows there are of these devices; one statement."""
    rows = _devices.find(db, ((id_,) for id_ in ids))
    return {row["id"]: DeviceRecord(**row) for row in rows}


def end_devices(db: Connection, device_ids: Sequence[DeviceId], now: datetime) -> None:
    """These device ids have ended, those that have a row; an earlier end stands.

    They are looked up by their ids alone: of devices that are open there are many others.
    """
    ended_at = tables.devices.c.ended_at
    db.execute(
        tables.devices.update()
        .where(tables.devices.c.id.in_(device_ids))
        .values(ended_at=sa.func.coalesce(ended_at, sa.literal(now, ended_at.type)))
    )


def _visitor(row: sa.RowMapping) -> VisitorRecord:
    return VisitorRecord(**{name: row[name] for name in _VISITOR_FIELDS})


_VISITOR_FIELDS = tuple(field.name for field in fields(VisitorRecord))


def _row(record: object) -> dict[str, object]:
    names = type(record).__slots__  # type: ignore[attr-defined]
    return {name: getattr(record, name) for name in names}
