"""A project in which there is something of everything, and the ids that are met in it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.sites import Site

# Under which name a path asks for an id, by where answers show one.
_BY_LIST = {
    "secrets": "key_id",
    "rotations": "rotation_id",
    "visitors": "visitor_id",
    "members": "member_id",
    "invitations": "invitation_id",
}
MOST_OF_A_KIND = 5


@dataclass
class KnownThings:
    """Ids by the name of the path parameter that takes them; it learns from answers."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, parameter: str, thing: str) -> None:
        """The id exists; only the latest few are remembered."""
        known = self.ids[parameter]
        if thing not in known:
            known.append(thing)
            del known[:-MOST_OF_A_KIND]

    def learn_from(self, path: str, answer: object) -> None:
        """The ids in an answer are known from now on."""
        name = next((_BY_LIST[part] for part in path.split("/") if part in _BY_LIST), None)
        for thing in _objects(answer):
            for member in ("key_id", "visitor_id"):
                if isinstance(thing.get(member), str):
                    self.learn(member, thing[member])
            if name and name != "key_id" and isinstance(thing.get("id"), str):
                self.learn(name, thing["id"])
        for merge in _objects(answer):
            for one in merge.get("merges") or []:
                self.learn("merge_id", one["id"])


async def _live(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send({"type": "message", "id": "m-1", "text": "Is this open on Sundays?"})
        await widget.expect("sent")
        await widget.signed_in(site.token("ada", name="Ada Lovelace"))
    async with site.widget() as other:
        await other.signed_in(site.token("ada"))


def a_lived_in_project(site: Site) -> KnownThings:
    """A person with devices, a merge and a message, two secrets and a planned rotation."""
    asyncio.run(_live(site))
    weekly = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    with site.system.admin(site.api_key) as admin:
        admin.patch(f"/projects/{site.project_id}", json={"operating_hours": {"weekly": weekly}})
    site.regenerate(retire_previous="off_hours")
    known = KnownThings()
    known.learn("project_id", site.project_id)
    for path in ("/secrets", "/rotations", "/visitors"):
        known.learn_from(path, site.get(path))
    for visitor in list(known.ids["visitor_id"]):
        known.learn_from("/visitors", site.get(f"/visitors/{visitor}"))
    return known


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
