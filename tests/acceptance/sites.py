"""A customer's site: a project, its secret as it was shown, and tokens as its back end signs."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt

from domain.times import to_wire
from tests.acceptance.system import System
from tests.acceptance.widget import Widget
from tests.waiting import wait_until

RECEIPT_SECONDS = 60.0


@dataclass
class Site:
    """A project of the running system, seen by its administrator and its back end."""

    system: System
    project_id: str
    api_key: str
    secret: str = ""
    key_id: str = ""

    def regenerate(self, **options: Any) -> dict[str, Any]:
        """The answer to a regenerate; the site deploys the new secret at once."""
        with self.system.admin(self.api_key) as admin:
            answer = admin.post(f"/projects/{self.project_id}/secrets", json=options)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        self.secret, self.key_id = body["secret"], body["key_id"]
        return body

    def plan(self) -> str:
        """A new secret, deployed at once; the old one is cut in half an hour. The rotation's id."""
        rotation_id: str = self.regenerate(retire_previous=_in(minutes=30))["rotation"]["id"]
        return rotation_id

    def reschedule(self, rotation_id: str, due_at: str) -> httpx.Response:
        """The answer to a planned cut's other date."""
        with self.system.admin(self.api_key) as admin:
            path = f"/projects/{self.project_id}/rotations/{rotation_id}"
            return admin.patch(path, json={"retire_previous": due_at})

    def cut_soon(self, rotation_id: str) -> str:
        """The planned cut comes in a moment; returns its date.

        One that is over before it is read is refused: then it is a later one.
        """
        for seconds in (1, 5, 25):
            due_at = _in(seconds=seconds)
            answer = self.reschedule(rotation_id, due_at)
            if answer.status_code == 200:
                return due_at
        raise AssertionError(answer.text)

    def get(self, path: str, **query: Any) -> Any:
        """The answer of the admin API about this project."""
        with self.system.admin(self.api_key) as admin:
            answer = admin.get(f"/projects/{self.project_id}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(
        self,
        custom_id: str = "ada",
        *,
        secret: str | None = None,
        lifetime: int = 300,
        **claims: Any,
    ) -> str:
        """A token as the back end signs it."""
        now = int(time.time())
        payload = {"external_id": custom_id, "iat": now, "exp": now + lifetime, **claims}
        return jwt.encode(payload, secret or self.secret, algorithm="HS256")

    def widget(self, device: str | None = None) -> Widget:
        """A widget of this site, to be connected."""
        return Widget(self.system.socket_url(self.project_id), device)

    def completed_receipt(self, rotation_id: str) -> dict[str, Any]:
        """The rotation's receipt, once it is completed."""
        receipt: dict[str, Any] = {}

        def is_completed() -> bool:
            receipt.update(self.get(f"/rotations/{rotation_id}"))
            return bool(receipt["state"] == "completed")

        wait_until(is_completed, f"the end of {rotation_id}", RECEIPT_SECONDS)
        return receipt


def make_site(system: System) -> Site:
    """A new project with its first secret."""
    name = f"Shop {secrets.token_hex(4)}"
    with system.admin(system.owner_key) as owner:
        answer = owner.post("/projects", json={"name": name, "time_zone": "UTC"})
    assert answer.status_code == 201, answer.text
    site = Site(system, answer.json()["id"], system.owner_key)
    site.regenerate()
    return site


def _in(**after: float) -> str:
    """So long from now."""
    return to_wire(datetime.now(UTC) + timedelta(**after))
