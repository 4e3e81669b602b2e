"""The finished system as it runs in production, on loopback ports, with new keys of its own."""

import base64
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jwt

from benchmarks.children import Child, Children
from cli.development.ports import free_port
from cli.processes import BEAT, GATEWAY, WORKERS
from config.celery_app import make_celery
from config.logs import configure_logs
from config.publisher import Publisher
from config.settings import PREFIX, WorkerSettings, load
from domain.cards import Limits
from domain.ids import ProjectId
from domain.projects import MOST_A_MINUTE
from domain.roles import Actor
from services.projects import change_project, create_project
from services.rotate_secret import Generated, regenerate
from services.stores import Stores
from storage.sql.engine import open_database
from storage.sql.migrate import migrate
from workers.runtime import Runtime

TOKEN_SECONDS = 590
ACTOR = Actor("benchmark")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One node."""

    child: Child
    port: int


class System:
    """One widget-auth over one database and one Redis; its processes are started one by one."""

    def __init__(self, children: Children, name: str, database_url: str, redis_port: int) -> None:
        self._children = children
        self._name = name
        self.environment = {
            f"{PREFIX}DATABASE_URL": database_url,
            f"{PREFIX}REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            f"{PREFIX}DATA_DIR": str(children.folder),
            **{f"{PREFIX}{keys}": _new_key() for keys in _KEYS},
        }
        database = open_database(database_url)
        migrate(database)
        database.close()

    @cached_property
    def stores(self) -> Stores:
        """SQL and Redis, for what a benchmark prepares and reads."""
        configure_logs("json", "error")
        settings = load(WorkerSettings, self.environment)
        publisher = Publisher(make_celery(settings.broker_url))
        stores = Runtime(settings, publisher).stores
        self._children.on_end(publisher.close)
        self._children.on_end(stores.close)
        return stores

    def add_project(self) -> ProjectId:
        """A project without a secret, whose limits stand in nobody's way."""
        project = create_project(self.stores, "Benchmark", "UTC", ACTOR)
        limits = dict.fromkeys(Limits.__slots__, MOST_A_MINUTE)
        change_project(self.stores, project.id, {"limits": limits}, ACTOR)
        return project.id

    def regenerate(self, project_id: ProjectId) -> Generated:
        """The project has a new secret; asked for in this process."""
        return self.stores.transactor.run(
            lambda transaction: regenerate(transaction, self.stores.sealer, project_id, ACTOR),
            urgent=True,
        )

    def start_workers(self, *queues: str) -> list[Child]:
        """The workers of these queues are ready, as many processes each as in production."""
        programs = [program for program in WORKERS if program.name in queues]
        started = [
            self._start(name, (*program.arguments, "-n", f"{name}@{self._name}"))
            for program in programs
            for name in program.names()
        ]
        return [child.until_ready() for child in started]

    def start_beat(self) -> None:
        """The sweep ticks."""
        self._start(BEAT.name, BEAT.arguments).until_ready()

    def start_gateways(self, number: int) -> list[Gateway]:
        """So many gateway nodes are ready."""
        gateways = [self._start_gateway() for _ in range(number)]
        for gateway in gateways:
            gateway.child.until_ready()
        return gateways

    def _start_gateway(self) -> Gateway:
        port = free_port()
        name = f"gateway-{port}"
        return Gateway(self._start(name, (*GATEWAY.arguments, "--port", str(port))), port)

    def _start(self, name: str, arguments: Sequence[str]) -> Child:
        command = [sys.executable, "-m", *arguments]
        return self._children.start(f"{self._name}-{name}", command, self.environment)


def socket_path(project_id: ProjectId) -> str:
    """Where widgets of the project connect."""
    return f"/v1/socket?project={project_id}"


def mint(secret: str, custom_id: str) -> str:
    """A token as a site's back end makes it."""
    now = int(time.time())
    claims = {
        "external_id": custom_id,
        "name": f"Person {custom_id}",
        "email": f"{custom_id}@example.com",
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


_KEYS = ("SEALING_KEYS", "QUEUE_KEYS", "DEVICE_KEYS", "SESSION_KEY")


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
