"""Shops in the zones of the world, each with hours, an administrator, a site and a visitor."""

import asyncio
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from domain.ids import KeyId, ProjectId
from domain.json_values import JsonObject
from domain.operating_hours import WEEKDAYS
from domain.rotation_dates import OffHours
from services.projects import change_project, create_project
from services.rotate_secret import Generated, SecretWish, generate
from services.stores import Stores
from storage.sql import rotations
from tests.acceptance.widget import Widget
from tests.integration.scenes import ADMINISTRATOR

HOUR = timedelta(hours=1)
OFTEN = {"sign_ins_per_socket": 1_000_000, "connects_per_address": 1_000_000}


@dataclass(frozen=True)
class Attempt:
    """A visitor's sign-in: signed with which key, between when and when, and the answer."""

    key_id: KeyId
    sent_at: datetime
    answered_at: datetime
    code: str


@dataclass
class Shop:
    """A project; its site signs with the newest secret some hours after that was made."""

    id: ProjectId
    zone: str
    dice: random.Random
    clock: Callable[[], datetime]
    made: list[Generated] = field(default_factory=list)
    deployed: int = 0
    deploys_at: datetime | None = None
    attempts: list[Attempt] = field(default_factory=list)

    def administer(self, stores: Stores) -> None:
        """A rotation for the next off-hours is planned, unless one is under way."""
        with stores.database.reading() as db:
            if rotations.list_pending(db, self.id):
                return
        wish = SecretWish(when=OffHours(self.dice.choice([0, 0, 120])))
        self.made.append(
            stores.transactor.run(
                lambda t: generate(t, stores.sealer, self.id, ADMINISTRATOR, wish), urgent=True
            )
        )
        patience = self.dice.choice([1, 2, 2, 4, 8, 60])
        self.deploys_at = self.clock() + patience * HOUR

    async def visit(self, url: str, is_over: Callable[[], bool]) -> None:
        """Until all is over, somebody signs in again and again, also with secrets of the past."""
        while not is_over():
            with suppress(ConnectionClosed, InvalidHandshake, OSError):
                async with Widget(url) as widget:
                    while not is_over():
                        await self.sign_in(widget, self._some_secret())
                        await asyncio.sleep(self.dice.uniform(0.1, 0.3))

    async def sign_in(self, widget: Widget, made: Generated) -> str:
        """The code with which a token by that secret was answered."""
        request_id = str(next(_REQUESTS))
        sent_at = self.clock()
        token = jwt.encode({"external_id": "ada"}, made.secret, algorithm="HS256")
        await widget.send({"type": "sign_in", "id": request_id, "token": token})
        answer: dict[str, Any] = {}
        while answer.get("id") != request_id:
            answer = await widget.receive()
        code: str = answer.get("code", answer["type"])
        self.attempts.append(Attempt(made.key_id, sent_at, self.clock(), code))
        return code

    def _some_secret(self) -> Generated:
        if self.deploys_at and self.deploys_at <= self.clock():
            self.deployed = len(self.made) - 1
        if self.dice.random() < 0.5:
            return self.made[self.deployed]
        return self.dice.choice(self.made[: self.deployed + 1][-3:])


def open_shop(stores: Stores, zone: str, dice: random.Random, clock: Any) -> Shop:
    """A shop with hours and a first secret."""
    project = create_project(stores, f"Shop in {zone}", zone, ADMINISTRATOR)
    changes: JsonObject = {
        "operating_hours": _some_hours(dice, clock()),
        "token_policy": {"preset": "tiledesk"},  # a token's lifetime is not what this is about
        "limits": {**OFTEN},
    }
    change_project(stores, project.id, changes, ADMINISTRATOR)
    shop = Shop(project.id, zone, dice, clock)
    wish = SecretWish()
    shop.made.append(
        stores.transactor.run(lambda t: generate(t, stores.sealer, shop.id, ADMINISTRATOR, wish))
    )
    return shop


def _some_hours(dice: random.Random, now: datetime) -> JsonObject:
    """Nights of many lengths, some at noon, some lunch breaks, and a day that is an exception."""
    dated = (now + timedelta(days=dice.randint(1, 6))).date().isoformat()
    return {
        "weekly": {day: _some_day(dice) for day in WEEKDAYS},
        "exceptions": [{"date": dated, "open": _some_day(dice)}],
    }


def _some_day(dice: random.Random) -> Any:
    opens, open_for = dice.randrange(24 * 4), dice.randrange(6 * 4, 16 * 4)
    closes = opens + open_for
    if closes < 24 * 4 and dice.random() < 0.3:
        return [[_wall(opens), _wall(opens + 8)], [_wall(opens + 14), _wall(closes)]]
    return [] if dice.random() < 0.1 else [[_wall(opens), _wall(closes)]]


def _wall(quarters: int) -> str:
    hours, quarter = divmod(quarters % (24 * 4), 4)
    return f"{hours:02}:{quarter * 15:02}"


_REQUESTS = itertools.count(1)
