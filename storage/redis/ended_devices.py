"""Devices that SQL has ended, so that a hello with one of them is given another."""

import time
from collections.abc import Callable, Iterable

from domain.ids import DeviceId, ProjectId
from storage.redis import keys
from storage.redis.client import Redis
from storage.redis.exchange import Command, ask_all
from storage.redis.packing import pack_device


def period_of(seconds: float) -> int:
    """The period that this time, in seconds since 1970, lies in."""
    return int(seconds // keys.ENDED_DEVICE_PERIOD_SECONDS)


def note_ended(
    client: Redis,
    ended: Iterable[tuple[ProjectId, DeviceId]],
    clock: Callable[[], float] = time.time,
) -> None:
    """These devices are known to have ended; idempotent.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    commands: list[Command] = []
    for project_id, device_id in ended:
        device = pack_device(device_id)
        key = keys.ended_devices(project_id, period_of(clock()), device.shard)
        commands += [("SADD", key, device.member), ("EXPIRE", key, keys.ENDED_DEVICE_SECONDS)]
    if commands:
        ask_all(client, commands)
