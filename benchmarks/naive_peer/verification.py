"""What each job of the peers does: one token checked, its rows written one by one, one result.

PyJWT checks the token, the ORM writes one visitor and two devices, and the result is published
for whoever waits at the socket. The celery, dramatiq and taskiq peers call this same function.
"""

import json
import os
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import jwt
from redis import Redis
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from benchmarks.naive_peer.names import RESULTS
from benchmarks.naive_peer.records import exchange_device, get_active_secret, upsert_visitor
from config.settings import WorkerSettings, load
from domain.custom_ids import normalise_custom_id
from domain.device_ids import DeviceIds
from domain.ids import KeyId, ProjectId
from domain.sealing import SecretSealer

LONGEST_LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 120


class Opened:
    """What the worker opens once."""

    @cached_property
    def settings(self) -> WorkerSettings:
        """The product's own settings."""
        return load(WorkerSettings)

    @cached_property
    def engine(self) -> Engine:
        """The database."""
        return create_engine(self.settings.database_url)

    @cached_property
    def redis(self) -> Redis:
        """Where results are published."""
        return Redis.from_url(self.settings.redis_url)

    @cached_property
    def sealer(self) -> SecretSealer:
        """Opens secrets."""
        return SecretSealer(self.settings.sealing_keys)

    @cached_property
    def device_ids(self) -> DeviceIds:
        """Issues device ids."""
        return DeviceIds(self.settings.device_keys)

    def open_all(self) -> None:
        """Nothing is left for the first jobs to open, which may come on several threads."""
        _ = self.engine, self.redis, self.sealer, self.device_ids


opened = Opened()


def verify(request_id: int, project_id: str, device_id: str, token: str) -> None:
    """One token is checked, its visitor marked and committed, and the result published."""
    with Session(opened.engine) as db:
        secret = get_active_secret(db, project_id)
        claims = _check(token, _open(secret))
        custom_id = normalise_custom_id(claims["external_id"])
        if not opened.device_ids.is_certified(ProjectId(project_id), device_id):
            message = "a device of somebody else"
            raise ValueError(message)
        visitor = upsert_visitor(db, project_id, device_id, custom_id, claims)
        visitor.authenticated_by = secret.key_id
        new_device = opened.device_ids.issue(
            ProjectId(project_id), datetime.now(UTC), os.urandom(16)
        )
        db.flush()  # the devices' foreign key wants the visitor first
        exchange_device(db, visitor, device_id, new_device)
        result = {"request_id": request_id, "visitor": visitor.id, "device": new_device}
        db.commit()
    opened.redis.publish(RESULTS, json.dumps(result))


def _open(secret: Any) -> bytes:
    return opened.sealer.open(secret.sealed, ProjectId(secret.project_id), KeyId(secret.key_id))


def _check(token: str, secret: bytes) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=["HS256", "HS384", "HS512"],
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "iat"]},
    )
    if claims["exp"] - claims["iat"] > LONGEST_LIFETIME_SECONDS:
        message = "the token lives too long"
        raise ValueError(message)
    return claims
