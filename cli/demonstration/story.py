"""The story of one secret: sign in, merge, regenerate, disconnect, refuse, sign in anew."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt

from cli.demonstration.page import Page
from cli.demonstration.system import System
from cli.demonstration.widget import Widget

RECEIPT_SECONDS = 15.0


class StoryFailed(Exception):
    """A step of the story did not go as it must."""


@dataclass
class BackEnd:
    """A site's back end: it knows its users, and the secret as it was pasted into it."""

    secret: str = ""

    def sign(self, custom_id: str, name: str) -> str:
        """A token for the user who is logged in to the site."""
        now = int(time.time())
        claims = {"external_id": custom_id, "name": name, "iat": now, "exp": now + 300}
        return jwt.encode(claims, self.secret, algorithm="HS256")


class Story:
    """Plays the story and says every step."""

    def __init__(self, system: System, page: Page) -> None:
        self._system = system
        self._page = page
        self._shop = BackEnd()
        self._project = ""

    async def play(self) -> None:
        """Every step has gone as it must.

        Raises:
            StoryFailed: one has not.
        """
        await self._set_up()
        phone, laptop, stranger = await self._connect()
        old_token = await self._sign_in(phone, laptop)
        rotation_id = await self._regenerate(phone, laptop, stranger)
        await self._come_back(old_token)
        await self._show_receipt(rotation_id)
        self._require(await stranger.is_alive(), "the anonymous visitor was disturbed")
        self._page.say("The anonymous visitor was there all the time, and never noticed.")

    async def _set_up(self) -> None:
        name = f"Shop {secrets.token_hex(3)}"
        project = await self._ask("POST", "/projects", {"name": name, "time_zone": "UTC"})
        self._project = project["id"]
        generated = await self._generate()
        self._page.step(f"An administrator generates the shared secret of “{name}”.")
        self._page.say(f"It is shown once: {generated['secret'][:4]}… (64 characters)")

    async def _connect(self) -> tuple[Widget, Widget, Widget]:
        names = ("Ada's phone", "Ada's laptop", "a stranger")
        gateway = self._system.gateway
        phone, laptop, stranger = [
            await Widget.connect(name, gateway, self._project) for name in names
        ]
        self._page.step("Three visitors open the site; nobody knows who they are.")
        return phone, laptop, stranger

    async def _sign_in(self, phone: Widget, laptop: Widget) -> str:
        token = self._shop.sign("user-1815", "Ada Lovelace")
        self._page.step("The site's back end signs a token for Ada, and her widgets present it.")
        for widget in (phone, laptop):
            answer, took = await widget.sign_in(token)
            self._require(answer["type"] == "signed_in", f"{widget.name} was refused: {answer}")
            merged = "; its anonymous record is merged into hers" if answer["merged"] else ""
            self._page.timed(took, f"{widget.name} is {answer['visitor']['name']} ✓{merged}")
        by_key = (await self._ask("GET", f"/projects/{self._project}/impact"))["by_key"]
        self._require(sorted(by_key.values()) == [1, 2], f"unexpected live sessions: {by_key}")
        return token

    async def _regenerate(self, phone: Widget, laptop: Widget, stranger: Widget) -> str:
        self._page.step("The secret has leaked. The administrator regenerates it.")
        begun = time.perf_counter()
        generated = await self._generate()
        self._page.timed(_since(begun), "the new secret is active, the old one revoked")
        for widget in (phone, laptop):
            code, reason, at = await widget.closing()
            self._require(code == 4401, f"{widget.name} was closed with {code}")  # noqa: PLR2004
            took = (at - begun) * 1000
            self._page.timed(took, f"{widget.name} is disconnected: {code} {reason['code']}")
        self._require(await stranger.is_alive(), "the anonymous visitor was disconnected")
        rotation_id: str = generated["rotation"]["id"]
        return rotation_id

    async def _come_back(self, old_token: str) -> None:
        self._page.step("Ada's phone comes back.")
        again = await Widget.connect("Ada's phone", self._system.gateway, self._project)
        refused, took = await again.sign_in(old_token)
        self._require(refused.get("code") == "key_revoked", f"the old token: {refused}")
        self._page.timed(took, f"the old token is refused: {refused['code']}")
        answer, took = await again.sign_in(self._shop.sign("user-1815", "Ada Lovelace"))
        self._require(answer["type"] == "signed_in", f"the new token was refused: {answer}")
        self._page.timed(took, "a token of the new secret signs her in ✓")
        again.disconnect()

    async def _show_receipt(self, rotation_id: str) -> None:
        deadline = time.monotonic() + RECEIPT_SECONDS
        path = f"/projects/{self._project}/rotations/{rotation_id}"
        while (receipt := await self._ask("GET", path))["state"] != "completed":
            self._require(time.monotonic() < deadline, f"the receipt is not complete: {receipt}")
            await asyncio.sleep(0.05)
        expected = {"targeted": 2, "closed": 2, "gone": 0}
        self._require(receipt["sessions"] == expected, f"the receipt says: {receipt['sessions']}")
        self._page.step("The receipt says what happened.")
        self._page.receipt(receipt)

    async def _generate(self) -> dict[str, Any]:
        path = f"/projects/{self._project}/secrets"
        generated: dict[str, Any] = await self._ask("POST", path, {"reason": "demonstration"})
        self._shop.secret = generated["secret"]
        return generated

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self._system.ask, method, path, body)

    def _require(self, condition: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a claim
        if not condition:
            raise StoryFailed(otherwise)


def _since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
