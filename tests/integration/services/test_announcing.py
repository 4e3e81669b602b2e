"""When the sessions of a retiring secret are told: at once, and again before the cut."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.ids import NodeId
from domain.rotation_dates import AtTime
from domain.times import to_wire
from services.announce_retirements import SoftCut, announce_retirements
from services.change_rotations import reschedule
from storage.redis import keys, leases, signals
from storage.redis.client import connect_async
from storage.redis.signals import Subscription
from tests.integration.scenes import ADMINISTRATOR
from tests.integration.services.test_run_due import AFTERNOON, EVENING, Night, night

__all__ = ["night"]

NODE = NodeId("node-a")
MINUTE = timedelta(minutes=1)


async def _told(scene: Night, url: str) -> list[dict[str, Any]]:
    """What a living node hears while everything due is announced."""
    client = connect_async(url)
    await leases.renew(client, NODE)
    await client.persist(keys.lease(NODE))
    stream = signals.subscribe(client, NODE)
    heard: list[dict[str, Any]] = []
    async for signal in stream:
        if signal is Subscription.STANDS:
            await asyncio.to_thread(announce_retirements, scene.stores, SoftCut())
            await asyncio.to_thread(signals.send, scene.stores.redis, NODE, {"type": "end"})
        elif isinstance(signal, dict) and signal["type"] == "end":
            break
        elif isinstance(signal, dict):
            heard.append(dict(signal))
    await stream.aclose()
    await client.aclose()
    return heard


def told(scene: Night, url: str) -> list[dict[str, Any]]:
    """The same, from a test."""
    return asyncio.run(_told(scene, url))


def test_told_at_once_and_ten_minutes_before(night: Night, redis_url: str) -> None:
    """Each time once, however often the sweep looks."""
    assert told(night, redis_url) == []
    night.plan()

    [begun] = told(night, redis_url)

    assert begun == {
        "type": "retiring",
        "project_id": night.project_id,
        "generation": 1,
        "deadline": to_wire(EVENING),
        "spread_seconds": 300.0,
    }
    assert told(night, redis_url) == []
    night.now = EVENING - 11 * MINUTE
    assert told(night, redis_url) == []
    night.now = EVENING - 4 * MINUTE
    [again] = told(night, redis_url)
    assert (again["deadline"], again["spread_seconds"]) == (to_wire(EVENING), 120.0)
    assert told(night, redis_url) == []


def test_another_date_is_told_anew_when_it_comes_near(night: Night, redis_url: str) -> None:
    """Whoever was told of a cut that was put off hears of the one that comes."""
    rotation = night.plan(AtTime(AFTERNOON + 5 * MINUTE)).rotation
    assert rotation is not None
    assert len(told(night, redis_url)) == 1
    later = AtTime(EVENING)
    night.stores.transactor.run(
        lambda t: reschedule(t, night.project_id, rotation.id, ADMINISTRATOR, later)
    )

    assert told(night, redis_url) == []
    night.now = EVENING - 9 * MINUTE
    [again] = told(night, redis_url)

    assert again["deadline"] == to_wire(EVENING)
