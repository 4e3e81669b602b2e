"""The dashboard behind a real socket, and its callers."""

import json
import os
import socket
import threading
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import httpx
import uvicorn

from config.settings import DashboardSettings, load
from dashboard.app import Dashboard, make_dashboard
from dashboard.server import make_config
from dashboard.wire import API_PREFIX
from domain.ids import ProjectId
from domain.roles import Role
from services.api_keys import issue_api_key
from services.stores import Stores
from tests.integration.scenes import ADMINISTRATOR, add_project
from tests.servers.plain_http import NO_TLS
from tests.waiting import wait_until

PATIENCE_SECONDS = 60.0
SEALING_KEY = urlsafe_b64encode(b"s" * 32).decode()  # as of scenes.SEALER


def settings_of(database_url: str, redis_url: str, **others: str) -> DashboardSettings:
    """Settings for these stores."""
    return load(DashboardSettings, environment_of(database_url, redis_url, **others))


def environment_of(database_url: str, redis_url: str, **others: str) -> dict[str, str]:
    """The same as an environment."""
    return {
        "WIDGET_AUTH_DATABASE_URL": database_url,
        "WIDGET_AUTH_REDIS_URL": redis_url,
        "WIDGET_AUTH_SEALING_KEYS": SEALING_KEY,
        "WIDGET_AUTH_SESSION_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
        **{f"WIDGET_AUTH_{name.upper()}": value for name, value in others.items()},
    }


class Caller:
    """Asks the API with one key, or none."""

    def __init__(self, client: httpx.Client, key: str | None = None) -> None:
        self._client = client
        self._key = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """The answer to a request below /api/v1."""
        headers = {**self._key, **(headers or {})}
        if "json" in options:  # as ASCII, so that it can hold what UTF-8 cannot
            options["content"] = json.dumps(options.pop("json"))
            headers["Content-Type"] = "application/json"
        return self._client.request(method, API_PREFIX + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The answer to GET."""
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """The answer to POST."""
        return self("POST", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        """The answer to PATCH."""
        return self("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """The answer to DELETE."""
        return self("DELETE", path, **options)


@contextmanager
def client_of(base_url: str) -> Iterator[httpx.Client]:
    """Keeps connections to a server, for any number of callers."""
    with httpx.Client(
        base_url=base_url, trust_env=False, timeout=PATIENCE_SECONDS, verify=NO_TLS
    ) as client:
        yield client


class Api:
    """A dashboard that serves, and ways to what it serves."""

    def __init__(self, dashboard: Dashboard, client: httpx.Client) -> None:
        self.dashboard = dashboard
        self.client = client

    @property
    def stores(self) -> Stores:
        """What the dashboard has opened."""
        return self.dashboard.runtime.stores

    def project(self) -> ProjectId:
        """A new project without a secret."""
        return add_project(self.stores.transactor)

    def key(self, role: Role, project_id: ProjectId | None = None) -> str:
        """A new key of that role in the project; an owner's has none."""
        issued = self.stores.transactor.run(
            lambda t: issue_api_key(t, project_id, "test", role, ADMINISTRATOR)
        )
        return issued.text

    def caller(self, role: Role, project_id: ProjectId | None = None) -> Caller:
        """Somebody of that role in the project."""
        return self.caller_with(self.key(role, project_id))

    def caller_with(self, key: str | None) -> Caller:
        """Somebody with that key, or none."""
        return Caller(self.client, key)


@contextmanager
def serving(settings: DashboardSettings, **options: Any) -> Iterator[Api]:
    """The dashboard serves on a free port of this machine, in a thread of this process.

    The options are those of `uvicorn.Config`.
    """
    dashboard = make_dashboard(settings)
    server = uvicorn.Server(make_config(dashboard, **options))
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started, "a dashboard that serves", PATIENCE_SECONDS)
            with client_of(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield Api(dashboard, client)
        finally:
            server.should_exit = True
            thread.join()


def nobody() -> str:
    """An id that nothing has."""
    return str(uuid.uuid4())


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of an answer, which is in the one form that errors have."""
    body = response.json()
    assert list(body) == ["error"], body
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["code"]
    assert body["error"]["message"]
    assert isinstance(body["error"]["details"], dict)
    error: dict[str, Any] = body["error"]
    return error
