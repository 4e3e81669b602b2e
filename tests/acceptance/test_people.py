"""People on a whole running system: threads, presence, signing out, splitting, on every node."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from services.erase_devices import KEPT
from storage.sql.engine import now_of, open_database
from storage.sql.tables import devices
from tests.acceptance.sites import Site
from tests.acceptance.widget import Widget
from tests.waiting import wait_until

GATEWAYS = 2
SECONDS = 60.0


def widget(site: Site, node: int = 1, device: str | None = None) -> Widget:
    """A widget on that gateway node."""
    return Widget(site.system.socket_url(site.project_id, node), device)


def post(site: Site, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The good answer of the admin API."""
    with site.system.admin(site.api_key) as admin:
        answer = admin.post(f"/projects/{site.project_id}{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    document: dict[str, Any] = answer.json()
    return document


async def off_the_loop(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a blocking client answers, while the widgets' sockets are served."""
    return await asyncio.to_thread(call, *arguments)


async def say(speaker: Widget, text: str, frame_id: str) -> str:
    """The id of the message, once it is sent."""
    await speaker.send({"type": "message", "id": frame_id, "text": text})
    sent = await speaker.expect("sent")
    assert sent["id"] == frame_id
    message_id: str = sent["message_id"]
    return message_id


def texts(site: Site, visitor: str) -> list[str]:
    """The thread as agents read it, oldest first."""
    items = site.get(f"/visitors/{visitor}/messages")["items"]
    return [message["text"] for message in reversed(items)]


def test_a_conversation_on_two_nodes(site: Site) -> None:
    """An agent's words reach both sockets of the person; a third one's thread is its own."""

    async def converse() -> None:
        async with widget(site) as phone, widget(site, 2) as laptop, widget(site, 2) as stranger:
            first = await say(phone, "before", "m1")
            assert await say(phone, "before", "m1") == first
            ada = (await phone.signed_in(site.token("ada")))["visitor"]["id"]
            await laptop.signed_in(site.token("ada", name="Ada"))
            changed = await phone.expect("visitor")
            assert (changed["visitor"]["name"], changed["visitor"]["authenticated"]) == (
                "Ada",
                True,
            )
            await say(laptop, "signed in", "m2")
            await say(stranger, "somebody else", "m3")

            answer = {"text": "Hello Ada", "name": "Bob"}
            sent = await off_the_loop(post, site, f"/visitors/{ada}/messages", answer)

            for socket in (phone, laptop):
                heard = await socket.expect("message")
                assert (heard["text"], heard["from"]) == ("Hello Ada", {"name": "Bob"})
                assert heard["message_id"] == sent["id"]
            assert await stranger.is_alive()
            read = await off_the_loop(texts, site, ada)
            assert read == ["before", "signed in", "Hello Ada"]
            wanted = partial(site.get, "/visitors", online="true", authenticated="true")
            online = await off_the_loop(wanted)
            assert [visitor["id"] for visitor in online["items"]] == [ada]
            whole = await off_the_loop(site.get, f"/visitors/{ada}")
            assert len(whole["sessions"]) == 2
            verified = {m["text"]: m["verified"] for m in whole["messages"]}
            assert verified == {"before": False, "signed in": True, "Hello Ada": False}

    asyncio.run(converse())


def test_signed_out_everywhere(site: Site) -> None:
    """4403 on every node; the token of before is superseded, a fresh one works."""

    async def play() -> None:
        old = site.token("ada")
        async with widget(site) as phone, widget(site, 2) as laptop, widget(site, 2) as bob:
            ada = (await phone.signed_in(old))["visitor"]["id"]
            await laptop.signed_in(old)
            await bob.signed_in(site.token("bob"))

            await off_the_loop(post, site, f"/visitors/{ada}/sign_out")

            for socket in (phone, laptop):
                code, reason = await socket.closing()
                assert (code, reason["code"]) == (4403, "signed_out_by_operator")
            assert await bob.is_alive()
        async with widget(site, 2, phone.device) as again:
            assert again.device != phone.device
            assert await again.refusal(old) == "token_superseded"
            await asyncio.sleep(1.1)  # the next whole second: a token says no finer
            back = await again.signed_in(site.token("ada"))
            assert back["visitor"]["id"] == ada
            await say(again, "back again", "m1")

    asyncio.run(play())


def test_a_merge_is_split(site: Site) -> None:
    """By the command line: 4403 on every node, each record with its own words."""

    async def play() -> None:
        async with widget(site) as phone, widget(site, 2) as laptop:
            ada = (await phone.signed_in(site.token("ada")))["visitor"]["id"]
            await say(laptop, "somebody at the laptop", "m1")
            [absorbed] = (await laptop.signed_in(site.token("ada")))["merged"]
            await say(laptop, "as ada", "m2")
            [merge] = (await off_the_loop(site.get, f"/visitors/{absorbed}"))["merges"]

            command = ("visitor", "unmerge", site.project_id, merge["id"])
            await off_the_loop(site.system.cli, *command)

            for socket in (phone, laptop):
                code, reason = await socket.closing()
                assert (code, reason["code"]) == (4403, "merge_undone")
            assert await off_the_loop(texts, site, ada) == ["as ada"]
            assert await off_the_loop(texts, site, absorbed) == ["somebody at the laptop"]
            again = await off_the_loop(site.system.run_cli, *command)
            assert (again.returncode, "undone before" in again.stderr) == (1, True)
        kinds = {event["kind"] for event in (await off_the_loop(site.get, "/events"))["items"]}
        assert {"VisitorVerified", "VisitorsMerged", "MergeUndone"} <= kinds

    asyncio.run(play())


def test_what_one_tab_signs_in_the_other_does_not_see(site: Site) -> None:
    """Two sockets of one device: the one that did not sign in gets another device."""

    async def play() -> None:
        async with widget(site) as tab:
            await say(tab, "before", "m1")
            async with widget(site, 2, tab.device) as other:
                assert other.device == tab.device
                ada = (await tab.signed_in(site.token("ada")))["visitor"]["id"]
                answer = {"text": "for Ada alone", "name": "Bob"}
                await off_the_loop(post, site, f"/visitors/{ada}/messages", answer)
                assert (await tab.expect("message"))["text"] == "for Ada alone"
                await other.send({"type": "message", "id": "m2", "text": "not for Ada"})
                assert (await other.closing())[0] == 1013
            async with widget(site, 2, other.device) as fresh:
                assert fresh.device != other.device
                await say(fresh, "not for Ada", "m2")
            assert await off_the_loop(texts, site, ada) == ["before", "for Ada alone"]

    asyncio.run(play())


def test_devices_of_long_ago_are_gone_after_a_sweep(site: Site) -> None:
    """Those that ended two months ago; whoever is signed in keeps theirs."""

    async def sign_in_twice() -> str:
        async with widget(site) as browser:
            await browser.signed_in(site.token("ada"))
            signed_in = await browser.signed_in(site.token("ada"))
            return str(signed_in["visitor"]["id"])

    ada = asyncio.run(sign_in_twice())
    assert _ends(site, ada).count(None) == 1
    database = open_database(site.system.environ["WIDGET_AUTH_DATABASE_URL"])
    ended = devices.update().where(devices.c.ended_at.is_not(None))
    database.write(lambda db: db.execute(ended.values(ended_at=now_of(db) - 2 * KEPT)))
    database.close()

    wait_until(lambda: _ends(site, ada) == [None], "one device left", SECONDS)


def _ends(site: Site, visitor: str) -> list[str | None]:
    return [device["ended_at"] for device in site.get(f"/visitors/{visitor}")["devices"]]
