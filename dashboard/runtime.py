"""What the dashboard opens once: stores, keys, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from config.celery_app import make_celery
from config.publisher import Publisher
from config.queues import TASK_OF_EVENT
from config.settings import DashboardSettings
from dashboard.cookies import Cookies
from dashboard.rate_limits import RateLimit
from dashboard.sign_in_door import SignInDoor
from domain.events import EventKind
from domain.json_values import Json
from domain.sealing import SecretSealer
from services.key_rings import KeyRings
from services.stores import Stores
from services.transactions import Transactor
from storage.redis.client import connect
from storage.sql.engine import open_database

INSPECTIONS_A_MINUTE = 30
REFUSALS_A_MINUTE = 60
INVITATIONS_A_MINUTE = 30
PASSWORDS_A_MINUTE = 10
INVITATION_PATH = "/invitation"


@dataclass(frozen=True)
class Runtime:
    """Shared by all requests.

    Attributes:
        stores: SQL and Redis.
        cookies: what browsers keep.
        public_origin: scheme and host under which browsers find the dashboard.
        own_publisher: to be closed with the stores, unless it is another's.
        inspections: how often a caller may have a token inspected.
        refusals: how often a caller may be refused for want of a role, each of which is audited.
        invitations: how often a network address may open an invitation's link.
        additions: how often a caller may add a member with a password, which is hashed in turn
            with those of people who sign in.
        door: where passwords are checked.
    """

    stores: Stores
    cookies: Cookies
    public_origin: str
    own_publisher: Publisher | None = None
    inspections: RateLimit = field(default_factory=lambda: RateLimit(INSPECTIONS_A_MINUTE))
    refusals: RateLimit = field(default_factory=lambda: RateLimit(REFUSALS_A_MINUTE))
    invitations: RateLimit = field(default_factory=lambda: RateLimit(INVITATIONS_A_MINUTE))
    additions: RateLimit = field(default_factory=lambda: RateLimit(PASSWORDS_A_MINUTE))
    door: SignInDoor = field(default_factory=SignInDoor)

    @cached_property
    def key_rings(self) -> KeyRings:
        """Opens the secrets that the inspector checks tokens with."""
        return KeyRings(self.stores.sealer)

    def invitation_link(self, token: str) -> str:
        """What an invited person opens; what stands behind `#` is sent to no server."""
        return f"{self.public_origin}{INVITATION_PATH}#{token}"

    def close(self) -> None:
        """Every connection is closed."""
        self.stores.close()
        if self.own_publisher:
            self.own_publisher.close()


def open_runtime(settings: DashboardSettings, publisher: Publisher | None = None) -> Runtime:
    """Stores by these settings; they connect when they are first used.

    Args:
        settings: of this process.
        publisher: where events leave to; one of our own by default.
    """
    publish = publisher or Publisher(make_celery(settings.broker_url))
    own = None if publisher else publish

    def publish_event(kind: EventKind, payload: Mapping[str, Json]) -> None:
        publish(TASK_OF_EVENT[kind], payload)

    transactor = Transactor(open_database(settings.database_url), publish_event)
    sealer = SecretSealer(settings.sealing_keys)
    stores = Stores(transactor, connect(settings.redis_url), sealer)
    cookies = Cookies(settings.session_key, settings.public_url)
    return Runtime(stores, cookies, _origin_of(settings.public_url), own)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeOf = Annotated[Runtime, Depends(_runtime_of)]
