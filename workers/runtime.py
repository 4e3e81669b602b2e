"""What a worker process opens once: settings, stores, keys."""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from config.publisher import Publisher
from config.queues import TASK_OF_EVENT
from config.settings import WorkerSettings
from domain.device_ids import DeviceIds
from domain.events import EventKind
from domain.json_values import Json
from domain.queue_sealing import SALT_BYTES, TokenSealer
from domain.sealing import SecretSealer
from services.announce_retirements import SoftCut
from services.compare_cards import CardComparison
from services.erase_devices import DeviceErasure
from services.key_rings import KeyRings
from services.note_key_use import KeyUseNotes
from services.poison_notes import PoisonNotes
from services.pulse import Pulse
from services.sign_out_visitors import VisitorSignOut
from services.steps import Reached, pass_by
from services.store_messages import MessageStore
from services.stores import Stores
from services.transactions import Transactor
from services.verify_visitors import VisitorVerifier
from storage.redis.client import connect
from storage.redis.shared_clock import SharedClock
from storage.sql.engine import Clock, open_database


@dataclass
class Runtime:
    """Opened at first use, in the process that uses it: connections do not survive a fork.

    `reached` is told of the steps of a change; `clock` tells the time instead of the database's
    own, for simulations.
    """

    settings: WorkerSettings
    publisher: Publisher
    reached: Reached = pass_by
    clock: Clock | None = None
    _left: list[object] = field(default_factory=list, init=False, repr=False)

    def leave_to_parent(self) -> None:
        """All that the process has opened that this one was forked from is that one's alone.

        It is kept, unused: what is let go of here would be closed here, and over a connection that
        both have, or a database's file.
        """
        opened = [n for n in vars(self) if isinstance(getattr(Runtime, n, None), cached_property)]
        self._left += [self.__dict__.pop(name) for name in opened]

    @cached_property
    def stores(self) -> Stores:
        """SQL and Redis."""
        database = open_database(self.settings.database_url, self.clock)
        transactor = Transactor(database, self._publish_event, self.reached)
        return Stores(transactor, connect(self.settings.redis_url), self._sealer)

    @property
    def soft_cut(self) -> SoftCut:
        """When widgets are asked for fresh tokens during an overlap."""
        return SoftCut(
            remind_before=timedelta(seconds=self.settings.reminder_seconds),
            spread=timedelta(seconds=self.settings.reminder_spread_seconds),
        )

    @cached_property
    def verifier(self) -> VisitorVerifier:
        """Verifies visitors' tokens."""
        return VisitorVerifier(self.stores.transactor, KeyRings(self._sealer), self._device_ids)

    @cached_property
    def sign_out(self) -> VisitorSignOut:
        """Signs visitors out."""
        return VisitorSignOut(self.stores.transactor, self._device_ids)

    @cached_property
    def message_store(self) -> MessageStore:
        """Stores visitors' messages."""
        return MessageStore(self.stores.transactor, self._device_ids)

    @cached_property
    def key_use_notes(self) -> KeyUseNotes:
        """Notes when keys were used."""
        return KeyUseNotes(self.stores.transactor)

    @cached_property
    def card_comparison(self) -> CardComparison:
        """Goes through the projects' cards, some at each sweep."""
        return CardComparison()

    @cached_property
    def device_erasure(self) -> DeviceErasure:
        """Goes through the devices that ended long ago, some at each sweep."""
        return DeviceErasure()

    @cached_property
    def poison(self) -> PoisonNotes:
        """Parks messages that come to nothing."""
        return PoisonNotes(self.stores.transactor)

    @cached_property
    def pulse(self) -> Pulse:
        """Notes that tasks run."""
        worker = f"{socket.gethostname()}:{os.getpid()}"
        return Pulse(self.stores, worker, self.settings.sweep_seconds)

    def shared_now(self) -> datetime:
        """The time by the clock that this process shares with the gateway nodes.

        Raises:
            StorageUnavailable: Redis does not answer.
        """
        self._shared_clock.set_if_old(self.stores.redis)
        return self._shared_clock.now()

    @cached_property
    def _shared_clock(self) -> SharedClock:
        return SharedClock()

    @cached_property
    def token_sealer(self) -> TokenSealer:
        """Opens the tokens of queue messages."""
        return TokenSealer(self.settings.queue_keys, secrets.token_bytes(SALT_BYTES))

    @cached_property
    def _sealer(self) -> SecretSealer:
        return SecretSealer(self.settings.sealing_keys)

    @cached_property
    def _device_ids(self) -> DeviceIds:
        return DeviceIds(self.settings.device_keys)

    def _publish_event(self, kind: EventKind, payload: Mapping[str, Json]) -> None:
        self.publisher(TASK_OF_EVENT[kind], payload)
