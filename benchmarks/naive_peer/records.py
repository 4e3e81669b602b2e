"""The same tables as the product's, row by row through the ORM."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Session

from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId
from storage.sql import tables


class Base(DeclarativeBase):
    """Maps classes onto the product's tables."""

    metadata = tables.metadata


class Secret(Base):
    """A signing secret."""

    __table__ = tables.signing_secrets


class Visitor(Base):
    """A visitor."""

    __table__ = tables.visitors


class Device(Base):
    """A device id."""

    __table__ = tables.devices


def get_active_secret(db: Session, project_id: str) -> Secret:
    """The project's active secret."""
    query = select(Secret).where(Secret.project_id == project_id, Secret.state == "active")
    return db.scalars(query).one()


def upsert_visitor(
    db: Session, project_id: str, device_id: str, custom_id: str, claims: dict[str, object]
) -> Visitor:
    """The person of this custom ID with what the token signed; the anonymous record becomes it."""
    query = select(Visitor).where(Visitor.project_id == project_id, Visitor.custom_id == custom_id)
    visitor = db.scalars(query).one_or_none()
    if visitor is None:
        visitor = Visitor(
            id=anonymous_visitor(DeviceId(device_id)),
            project_id=project_id,
            custom_id=custom_id,
            created_at=datetime.now(UTC),
        )
        db.add(visitor)
    visitor.name = claims.get("name")
    visitor.email = claims.get("email")
    visitor.authenticated_at = datetime.now(UTC)
    return visitor


def exchange_device(db: Session, visitor: Visitor, old_id: str, new_id: str) -> None:
    """The old device has ended; the new one is the visitor's."""
    now = datetime.now(UTC)
    old = db.get(Device, old_id)
    if old is None:
        old = Device(
            id=old_id, project_id=visitor.project_id, visitor_id=visitor.id, created_at=now
        )
        db.add(old)
    old.ended_at = now
    new = Device(id=new_id, project_id=visitor.project_id, visitor_id=visitor.id, created_at=now)
    db.add(new)
