"""A running system behind one port, as `make run` starts it, and members who use its pages."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from cli.processes import ONE_PORT
from config.settings import DashboardSettings, load
from dashboard.cookies import Cookies
from domain.ids import ProjectId
from domain.roles import Actor, Role
from services.member_sign_ins import sign_in
from services.members import add_member
from services.transactions import Transactor
from storage.sql.engine import open_database
from storage.sql.members import Member
from storage.sql.migrate import migrate
from tests.acceptance.processes import free_port
from tests.acceptance.system import System
from tests.servers.forks import Launcher

# Only as strong as a test needs it: most members here sign in without their password.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "a quiet place to read"
TESTS = Actor("test:browser")


class OnePortSystem(System):
    """Gateway and dashboard in one process, workers and beat. A context manager."""

    def __init__(self, redis_url: str, folder: Path, launcher: Launcher | None = None) -> None:
        database_url = f"sqlite:///{folder}/widget-auth.sqlite"
        database = open_database(database_url)
        migrate(database)
        database.close()
        super().__init__(database_url, redis_url, folder, launcher=launcher)
        self._port = free_port()
        self._ports = {"gateway-1": self._port, "dashboard": self._port}
        self.environ["WIDGET_AUTH_PUBLIC_URL"] = self.url

    @property
    def url(self) -> str:
        """Where browsers find all of it."""
        return f"http://127.0.0.1:{self._port}"

    def _programs(self) -> dict[str, Sequence[str]]:
        programs = super()._programs()
        for name in self._ports:
            del programs[name]
        programs["web"] = (*ONE_PORT.arguments, "--port", str(self._port))
        return programs


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The pages of a running system, and short ways to people who may see them."""

    system: OnePortSystem
    transactor: Transactor
    cookies: Cookies

    @property
    def url(self) -> str:
        """Of the first page."""
        return self.system.url

    def project(self, name: str = "Riverside Books") -> ProjectId:
        """A new project without a secret."""
        with self.system.admin(self.system.owner_key) as owner:
            answer = owner.post("/projects", json={"name": name, "time_zone": "Europe/Rome"})
        assert answer.status_code == 201, answer.text
        return ProjectId(answer.json()["id"])

    def member(
        self, role: Role, project_id: ProjectId | None = None, email: str | None = None
    ) -> Member:
        """Somebody of that role in the project; an owner has none. The password is PASSWORD."""
        project_id = None if role is Role.OWNER else project_id
        email = email or f"{role}-{secrets.token_hex(4)}@example.com"
        return self.transactor.run(
            lambda t: add_member(t, HASHER, project_id, email, role, PASSWORD, TESTS)
        )

    def cookie(self, *members: Member) -> dict[str, Any]:
        """What the browser of somebody who is signed in as these members holds."""
        token = sign_in(self.transactor, members, "127.0.0.1", "Chromium of the tests")
        return {"name": self.cookies.sign_in_name, "value": token, "url": self.url}


def open_dashboard(system: OnePortSystem) -> Dashboard:
    """The pages of the system; close its database at the end."""
    settings = load(DashboardSettings, system.environ)
    transactor = Transactor(open_database(settings.database_url), lambda _kind, _payload: None)
    return Dashboard(system, transactor, Cookies(settings.session_key, settings.public_url))
