"""Visitors and their live sessions, found and shown whole."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest

from domain.device_ids import anonymous_visitor
from domain.ids import ProjectId, SessionId, VisitorId
from domain.outcomes import SignedIn
from domain.roles import Role
from tests.integration.dashboard.people import NODE, connect_widgets, new_id, sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody
from tests.integration.scenes import DEVICES, new_device, rotate
from tests.servers.redis import RedisServer


@dataclass
class Site:
    """A project in which Ada signed in on two devices and Bob on one, and an agent."""

    api: Api
    redis_url: str
    project_id: ProjectId
    secret: str
    ada: SignedIn
    bob: SignedIn
    agent: Caller

    def visitors(self, **query: Any) -> list[str]:
        """The ids that the list shows."""
        answer = self.agent.get(f"/projects/{self.project_id}/visitors", params=query)
        assert answer.status_code == 200, answer.text
        return [visitor["id"] for visitor in answer.json()["items"]]

    def visitor(self, visitor_id: str, caller: Caller | None = None) -> dict[str, Any]:
        """One visitor whole."""
        path = f"/projects/{self.project_id}/visitors/{visitor_id}"
        whole: dict[str, Any] = (caller or self.agent).get(path).json()
        return whole

    def connect(self, *visitors: VisitorId, generation: int | None = None) -> list[SessionId]:
        """They are online."""
        return connect_widgets(self.api, self.redis_url, self.project_id, visitors, generation)


@pytest.fixture
def site(api: Api, redis_server: RedisServer) -> Site:
    """A project with people."""
    project_id = api.project()
    secret = rotate(api.stores.transactor, project_id).secret
    sign_in(api, project_id, secret, "ada", new_device(project_id))
    ada = sign_in(api, project_id, secret, "ada", new_device(project_id))
    bob = sign_in(api, project_id, secret, "Bob é", new_device(project_id))
    agent = api.caller(Role.AGENT, project_id)
    return Site(api, redis_server.url, project_id, secret, ada, bob, agent)


def test_visitors_are_listed_newest_first(site: Site) -> None:
    """With what their tokens signed, apart from what anybody may declare."""
    answer = site.agent.get(f"/projects/{site.project_id}/visitors").json()

    assert {visitor["id"] for visitor in answer["items"]} == {
        site.ada.visitor_id,
        site.bob.visitor_id,
    }
    ids = [visitor["id"] for visitor in answer["items"]]
    assert ids == sorted(ids, reverse=True)
    ada = next(each for each in answer["items"] if each["custom_id"] == "ada")
    assert ada == {
        "id": site.ada.visitor_id,
        "custom_id": "ada",
        "name": "Ada",
        "email": "ada@example.com",
        "attributes": {"plan": "gold"},
        "declared": None,
        "authenticated": True,
        "authenticated_at": ada["authenticated_at"],
        "authenticated_by": site.ada.key_id,
        "created_at": ada["created_at"],
    }
    assert answer["next_cursor"] is None


@pytest.mark.parametrize(
    ("custom_id", "found"),
    [
        ("ada", ["ada"]),
        ("Ada", []),
        ("Bob é", ["bob"]),
        ("Bob e\u0301", ["bob"]),
        ("nobody", []),
        ("null", []),
        ("a\0b", []),
        ("\u202eada", []),
    ],
)
def test_a_person_is_found_by_custom_id(site: Site, custom_id: str, found: list[str]) -> None:
    """In any Unicode spelling; what can be nobody's ID finds nobody."""
    ids = {"ada": site.ada.visitor_id, "bob": site.bob.visitor_id}

    assert site.visitors(custom_id=custom_id) == [ids[name] for name in found]


def test_visitors_are_filtered_by_proof_and_presence(site: Site) -> None:
    """Each filter alone and both together; somebody online without a record is not listed."""
    ada, bob = site.ada.visitor_id, site.bob.visitor_id
    both = sorted([ada, bob], reverse=True)
    assert site.visitors(online="true") == []
    assert site.visitors(online="false") == both

    site.connect(ada, ada, generation=1)
    site.connect(VisitorId(new_id()), VisitorId(new_id()))

    assert site.visitors(online="true") == [ada]
    assert site.visitors(online="false") == [bob]
    assert site.visitors(authenticated="true") == both
    assert site.visitors(authenticated="false") == []
    assert site.visitors(authenticated="true", online="true") == [ada]
    assert site.visitors(custom_id="Bob é", online="true") == []


def test_those_online_come_page_by_page(site: Site) -> None:
    """Among many who are not, and without one twice."""
    people = [sign_in(site.api, site.project_id, site.secret, f"p{n}") for n in range(9)]
    online = [person.visitor_id for person in people[::2]]
    site.connect(*online, generation=1)
    path = f"/projects/{site.project_id}/visitors"

    def pages(online: str) -> list[list[str]]:
        found, query = [], {"online": online, "limit": "2"}
        while True:
            answer = site.agent.get(path, params=query).json()
            found.append([visitor["id"] for visitor in answer["items"]])
            if answer["next_cursor"] is None:
                return found
            query["cursor"] = answer["next_cursor"]

    listed = pages("true")
    assert [len(page) for page in listed] == [2, 2, 1]
    assert list(chain(*listed)) == sorted(online, reverse=True)
    absent = {site.ada.visitor_id, site.bob.visitor_id}
    absent |= {person.visitor_id for person in people[1::2]}
    assert list(chain(*pages("false"))) == sorted(absent, reverse=True)


@pytest.mark.parametrize("query", [{"online": "maybe"}, {"authenticated": "1"}, {"custom_id": ""}])
def test_a_filter_that_means_nothing_is_refused(site: Site, query: dict[str, str]) -> None:
    """422 names it."""
    answer = site.agent.get(f"/projects/{site.project_id}/visitors", params=query)

    assert answer.status_code == 422
    assert error_of(answer)["details"]["fields"][0]["field"] == next(iter(query))


def test_a_visitor_is_shown_whole(site: Site) -> None:
    """Devices, sessions and merges; messages come when there are messages."""
    [session] = site.connect(site.ada.visitor_id, generation=1)
    administrator = site.api.caller(Role.ADMINISTRATOR, site.project_id)

    whole = site.visitor(site.ada.visitor_id, administrator)

    assert whole["custom_id"] == "ada"
    assert len(whole["merges"]) == 1
    assert set(whole["merges"][0]) == {"id", "absorbed_id", "merged_at", "undone_at"}
    [live] = whole["sessions"]
    assert live == {
        "id": session,
        "visitor_id": site.ada.visitor_id,
        "key_id": site.ada.key_id,
        "node": NODE,
        "connected_at": live["connected_at"],
    }
    devices = {device["id"]: device["ended_at"] for device in whole["devices"]}
    assert devices[site.ada.device_id] is None
    assert devices[site.ada.ended_device_id] is not None
    assert all(DEVICES.is_certified(site.project_id, device) for device in devices)


def test_of_many_devices_and_merges_some_are_shown(site: Site) -> None:
    """The answer has a size, and says so."""
    assert not site.visitor(site.ada.visitor_id)["more_devices"]
    for _ in range(50):
        sign_in(site.api, site.project_id, site.secret, "ada", new_device(site.project_id))

    whole = site.visitor(site.ada.visitor_id)

    assert (len(whole["devices"]), whole["more_devices"]) == (50, True)
    assert (len(whole["merges"]), whole["more_merges"]) == (50, True)


def test_an_agent_cannot_speak_as_a_device(site: Site) -> None:
    """Agents see how many devices there are, and never the id that proves one."""
    whole = site.visitor(site.ada.visitor_id)

    assert len(whole["devices"]) >= 2
    assert {device["id"] for device in whole["devices"]} == {None}


def test_an_agent_does_not_learn_of_nodes(site: Site) -> None:
    """Agents see that somebody is there, and since when; where, only whoever lists sessions."""
    [session] = site.connect(site.ada.visitor_id, generation=1)

    [live] = site.visitor(site.ada.visitor_id)["sessions"]

    assert (live["id"], live["key_id"], live["node"]) == (session, site.ada.key_id, None)


def test_an_absorbed_record_leads_to_its_survivor(site: Site) -> None:
    """Its old id shows the living person."""
    assert site.ada.ended_device_id is not None
    absorbed = anonymous_visitor(site.ada.ended_device_id)

    assert site.visitor(absorbed)["id"] == site.ada.visitor_id
    assert absorbed != site.ada.visitor_id


def test_another_projects_visitor_is_not_found(site: Site) -> None:
    """The id opens the record in its own project only."""
    others = site.api.project()
    agent = site.api.caller(Role.AGENT, others)

    for visitor in (site.ada.visitor_id, nobody()):
        answer = agent.get(f"/projects/{others}/visitors/{visitor}")
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "visitor_not_found"
    listed = agent.get(f"/projects/{others}/visitors", params={"custom_id": "ada"})
    assert listed.json()["items"] == []


def test_sessions_are_listed_latest_first(site: Site) -> None:
    """Anonymous ones without a key; those of other projects not at all."""
    strangers = [VisitorId(new_id()), VisitorId(new_id())]
    anonymous = site.connect(*strangers)
    signed_in = site.connect(site.ada.visitor_id, generation=1)
    operator = site.api.caller(Role.OPERATOR, site.project_id)
    others = site.api.project()
    connect_widgets(site.api, site.redis_url, others, strangers)

    listed = operator.get(f"/projects/{site.project_id}/sessions").json()

    assert [each["id"] for each in listed["items"]] == sorted(
        [*anonymous, *signed_in], reverse=True
    )
    keys = {each["id"]: each["key_id"] for each in listed["items"]}
    assert keys == {signed_in[0]: site.ada.key_id, **dict.fromkeys(anonymous)}
    assert listed["next_cursor"] is None
