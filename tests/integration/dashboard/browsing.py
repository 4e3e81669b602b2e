"""Members and what their browsers send, without a browser."""

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from argon2 import PasswordHasher

from domain.ids import ProjectId
from domain.roles import Role
from services.member_sign_ins import sign_in
from services.members import add_member
from storage.sql.members import Member
from tests.integration.dashboard.serving import PATIENCE_SECONDS, Api
from tests.integration.scenes import ADMINISTRATOR
from tests.servers.plain_http import NO_TLS

# Only as strong as a test needs it.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "a quiet place to read"
PAGE = {"Accept": "text/html"}
_NUMBERS = itertools.count(1)


def new_member(
    api: Api,
    role: Role,
    project_id: ProjectId | None = None,
    *,
    email: str | None = None,
    password: str = PASSWORD,
) -> Member:
    """Somebody of that role in the project; an owner has none."""
    email = email or f"{role}-{secrets.token_hex(6)}@example.com"
    project_id = None if role is Role.OWNER else project_id
    return api.stores.transactor.run(
        lambda t: add_member(t, HASHER, project_id, email, role, password, ADMINISTRATOR)
    )


class Browsing:
    """One browser: asks for pages, keeps cookies, sends forms as our pages do."""

    def __init__(self, api: Api, client: httpx.Client) -> None:
        self.cookies = api.dashboard.runtime.cookies
        self.client = client

    @property
    def token(self) -> str:
        """What the sign-in cookie holds."""
        return self.client.cookies.get(self.cookies.sign_in_name) or ""

    @property
    def csrf_token(self) -> str:
        """What our pages send along."""
        return self.cookies.csrf_token(self.token)

    def hold(self, token: str) -> None:
        """The sign-in cookie is this one."""
        host = self.client.base_url.host
        self.client.cookies.set(self.cookies.sign_in_name, token, domain=host)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The page."""
        return self.client.get(path, **options)

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """The answer to a form of one of our pages."""
        return self.client.post(path, data={"csrf_token": self.csrf_token, **fields})

    def sign_in(self, email: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
        """The answer to the form of the sign-in page."""
        form = {"email": email, "password": password, **options.pop("fields", {})}
        return self.client.post("/sign-in", data=form, **options)


@contextmanager
def browsing(api: Api, *members: Member) -> Iterator[Browsing]:
    """A browser at an address of its own, in which somebody is signed in as these members, if any.

    The address counts where the dashboard trusts this machine as a proxy.
    """
    url = api.client.base_url
    number = next(_NUMBERS)
    headers = {**PAGE, "X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
    with httpx.Client(
        base_url=url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS, verify=NO_TLS
    ) as client:
        browser = Browsing(api, client)
        if members:
            browser.hold(sign_in(api.stores.transactor, members))
        yield browser
