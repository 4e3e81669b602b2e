"""The story: sign in, merge, regenerate, disconnect, refuse, sign in anew."""

import asyncio

import pytest

from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.waiting import until


def test_one_secret_from_birth_to_death(site: Site) -> None:
    """Two devices of one person merge; regenerate closes both and nobody else."""
    asyncio.run(_story(site))


async def _story(site: Site) -> None:
    old_token = site.token("ada", name="Ada Lovelace", email="ada@example.com")
    async with site.widget() as phone, site.widget() as laptop, site.widget() as stranger:
        first = await phone.signed_in(old_token)
        second = await laptop.signed_in(old_token)
        assert first["visitor"] == second["visitor"]
        assert first["visitor"]["authenticated"] is True
        assert first["visitor"]["custom_id"] == "ada"
        assert (first["key_id"], first["merged"]) == (site.key_id, [])
        assert second["merged"] == [laptop.welcome["visitor"]["id"]]
        old_key = site.key_id
        assert site.get("/impact")["by_key"] == {old_key: 2, "anonymous": 1}

        answer = await asyncio.to_thread(site.regenerate)

        for widget in (phone, laptop):
            code, reason = await widget.closing()
            assert code == 4401
            assert reason["code"] == "secret_revoked"
            assert reason["retry_after_ms"] >= 0
        assert await stranger.is_alive()

        async with site.widget(phone.device) as again:
            assert again.welcome["visitor"]["authenticated"] is False
            assert await again.refusal(old_token) == "key_revoked"
            returned = await again.signed_in(site.token("ada"))
            assert returned["visitor"]["id"] == first["visitor"]["id"]
            assert returned["key_id"] == site.key_id
        assert await stranger.is_alive()

    receipt = await asyncio.to_thread(site.completed_receipt, answer["rotation"]["id"])
    assert receipt["sessions"] == {"targeted": 2, "closed": 2, "gone": 0}
    assert receipt["nodes"] == {"asked": 1, "answered": 1, "expired": []}
    assert receipt["last_old_key_use"]["accepted_at"] < receipt["effective_at"]


def test_the_refusal_of_the_old_key_is_noted(site: Site) -> None:
    """The receipt proves that the old key is dead: when it was last accepted and last refused."""

    async def use_old_key() -> None:
        old = site.token()
        async with site.widget() as widget:
            await widget.signed_in(old)
        rotation = (await asyncio.to_thread(site.regenerate))["rotation"]
        async with site.widget() as widget:
            assert await widget.refusal(old) == "key_revoked"
        await until(lambda: _last_use(site, rotation["id"])["refused_at"], "the note of it")
        receipt = await asyncio.to_thread(site.completed_receipt, rotation["id"])
        use = receipt["last_old_key_use"]
        assert use["accepted_at"] < receipt["effective_at"] < use["refused_at"]

    asyncio.run(use_old_key())


def _last_use(site: Site, rotation_id: str) -> dict[str, str | None]:
    use: dict[str, str | None] = site.get(f"/rotations/{rotation_id}")["last_old_key_use"]
    return use


def test_exactly_the_revoked_sessions_close(system: System) -> None:
    """Of 300 sockets exactly the 100 of the old key close; the others never notice."""
    asyncio.run(_exactness(make_site(system), make_site(system)))


async def _exactness(site: Site, other: Site) -> None:
    people = [f"user-{n}" for n in range(100)]
    old = [site.widget() for _ in people]
    anonymous = [site.widget() for _ in people]
    elsewhere = [other.widget() for _ in people]
    everybody = [*old, *anonymous, *elsewhere]
    await _in_tens([widget.__aenter__() for widget in everybody])
    try:
        await _in_tens([w.signed_in(site.token(p)) for w, p in zip(old, people, strict=True)])
        await _in_tens(
            [w.signed_in(other.token(p)) for w, p in zip(elsewhere, people, strict=True)]
        )

        answer = await asyncio.to_thread(site.regenerate)

        closes = await asyncio.gather(*(widget.closing() for widget in old))
        assert {code for code, _ in closes} == {4401}
        assert all([await widget.is_alive() for widget in (*anonymous, *elsewhere)])
        receipt = await asyncio.to_thread(site.completed_receipt, answer["rotation"]["id"])
        assert receipt["sessions"] == {"targeted": 100, "closed": 100, "gone": 0}
        assert site.get("/impact")["by_key"] == {"anonymous": 100}
        assert other.get("/impact")["by_key"][other.key_id] == 100
    finally:
        await _in_tens([widget.__aexit__() for widget in everybody])


async def _in_tens(steps: list) -> None:  # type: ignore[type-arg]
    for start in range(0, len(steps), 10):
        await asyncio.gather(*steps[start : start + 10])


@pytest.mark.parametrize("when", ["before", "after"])
def test_devices_are_exchanged_at_every_change(site: Site, when: str) -> None:
    """An ended device id is answered with a fresh one and an empty anonymous record."""

    async def story() -> None:
        async with site.widget() as widget:
            before = widget.device
            await widget.signed_in(site.token())
            signed_in_as = widget.device
            if when == "before":
                ended = before
            else:
                await widget.send({"type": "sign_out", "id": "out"})
                ended = signed_in_as
                signed_out = await widget.expect("signed_out")
                assert signed_out["visitor"]["authenticated"] is False
                assert signed_out["device"] not in {before, signed_in_as}
        async with site.widget(ended) as returned:
            assert returned.device not in {before, signed_in_as}

    asyncio.run(story())
