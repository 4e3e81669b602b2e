"""Threads, sign-outs, merges and events, as agents, operators and programs use them."""

import pytest

from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId, ProjectId, RequestId, SessionId, VisitorId
from domain.outcomes import Sent
from domain.roles import Role
from services.store_messages import MessageRequest, MessageStore
from tests.integration.dashboard.people import sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody
from tests.integration.scenes import DEVICES, new_device, rotate


class Shop:
    """A project with a secret, Ada on two devices, and callers of every role."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.project_id: ProjectId = api.project()
        self.secret = rotate(api.stores.transactor, self.project_id).secret
        self.phone = new_device(self.project_id)
        self.laptop = new_device(self.project_id)
        self.agent = api.caller(Role.AGENT, self.project_id)
        self.operator = api.caller(Role.OPERATOR, self.project_id)
        self._numbers = 0

    def say(self, device: DeviceId, text: str, person: VisitorId | None = None) -> None:
        """A visitor's words, anonymous or as the person."""
        self._numbers += 1
        request = MessageRequest(
            RequestId(f"r{self._numbers}"),
            self.project_id,
            SessionId("s"),
            device,
            person or anonymous_visitor(device),
            1 if person else None,
            0,
            f"m{self._numbers}",
            text,
        )
        (outcome,) = MessageStore(self.api.stores.transactor, DEVICES).store([request])
        assert isinstance(outcome, Sent), outcome

    def path(self, rest: str) -> str:
        """Below the project."""
        return f"/projects/{self.project_id}/{rest}"

    def texts(self, visitor: str, caller: Caller | None = None) -> list[str]:
        """The thread as it is shown."""
        answer = (caller or self.agent).get(self.path(f"visitors/{visitor}/messages"))
        assert answer.status_code == 200, answer.text
        return [message["text"] for message in answer.json()["items"]]


@pytest.fixture
def shop(api: Api) -> Shop:
    """A project with people."""
    return Shop(api)


def test_an_agent_reads_a_thread_and_answers(shop: Shop) -> None:
    """The answer stands in the thread under a name; it is verified by nobody."""
    shop.say(shop.phone, "Where is my parcel?")
    visitor = anonymous_visitor(shop.phone)
    path = shop.path(f"visitors/{visitor}/messages")

    answer = shop.agent.post(path, json={"text": "On its way.", "name": "Bob"})

    assert answer.status_code == 201, answer.text
    sent = answer.json()
    assert (sent["author"], sent["agent_name"], sent["verified"]) == ("agent", "Bob", False)
    assert shop.texts(visitor) == ["On its way.", "Where is my parcel?"]
    unnamed = shop.agent.post(path, json={"text": "Anything else?"}).json()
    assert unnamed["agent_name"] == "test"  # the key's


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "x" * 4001}, {"text": "a\0b"}, {"text": "a", "name": "b\n"}]
)
def test_words_that_cannot_be_kept(shop: Shop, body: dict[str, str]) -> None:
    """422, and nothing is stored."""
    shop.say(shop.phone, "hello")
    visitor = anonymous_visitor(shop.phone)
    answer = shop.agent.post(shop.path(f"visitors/{visitor}/messages"), json=body)
    assert answer.status_code == 422, answer.text
    assert shop.texts(visitor) == ["hello"]


def test_verified_at_send_time_outlives_its_key(shop: Shop) -> None:
    """The mark stays; when the key was revoked stands beside it."""
    ada = sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.phone)
    assert ada.device_id is not None
    shop.say(ada.device_id, "It is me.", ada.visitor_id)
    rotate(shop.api.stores.transactor, shop.project_id)

    path = shop.path(f"visitors/{ada.visitor_id}/messages")
    [message] = shop.agent.get(path).json()["items"]

    assert (message["verified"], message["verified_by"]) == (True, ada.key_id)
    assert message["verified_as"] == ada.visitor_id
    assert message["key_revoked_at"] is not None


def test_an_absorbed_id_leads_to_the_person_and_says_so(shop: Shop) -> None:
    """The whole visitor and the thread are the survivor's."""
    ada = sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.phone)
    shop.say(shop.laptop, "from the laptop")
    absorbed = anonymous_visitor(shop.laptop)
    sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.laptop)

    whole = shop.agent.get(shop.path(f"visitors/{absorbed}")).json()

    assert (whole["id"], whole["redirected_from"]) == (ada.visitor_id, absorbed)
    assert [message["text"] for message in whole["messages"]] == ["from the laptop"]
    straight = shop.agent.get(shop.path(f"visitors/{ada.visitor_id}")).json()
    assert straight["redirected_from"] is None
    assert shop.texts(absorbed) == shop.texts(ada.visitor_id) == ["from the laptop"]


def test_conversations_come_latest_first_and_in_pages(shop: Shop) -> None:
    """Each with its last message."""
    devices = [new_device(shop.project_id) for _ in range(5)]
    for device in devices:
        shop.say(device, "first")
    shop.say(devices[0], "last")

    shown: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.agent.get(shop.path("conversations"), params=query).json()
        shown += [(c["visitor"]["id"], c["last_message"]["text"]) for c in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    order = [devices[0], *reversed(devices[1:])]
    assert [visitor for visitor, _ in shown] == [anonymous_visitor(device) for device in order]
    assert [text for _, text in shown] == ["last", "first", "first", "first", "first"]


def test_a_thread_comes_in_pages(shop: Shop) -> None:
    """Newest first, none twice."""
    for number in range(5):
        shop.say(shop.phone, str(number))
    path = shop.path(f"visitors/{anonymous_visitor(shop.phone)}/messages")
    first = shop.agent.get(path, params={"limit": 3}).json()
    second = shop.agent.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    texts = [message["text"] for page in (first, second) for message in page["items"]]
    assert texts == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None


def test_an_operator_signs_a_person_out(shop: Shop) -> None:
    """Once more is once more; an anonymous visitor is a conflict, nobody is not found."""
    ada = sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.phone)
    path = shop.path(f"visitors/{ada.visitor_id}/sign_out")
    first, second = shop.operator.post(path), shop.operator.post(path)
    assert first.json() == {"visitor_id": ada.visitor_id, "devices_ended": 1}
    assert second.json() == {"visitor_id": ada.visitor_id, "devices_ended": 0}

    shop.say(shop.laptop, "hello")
    anonymous = shop.operator.post(shop.path(f"visitors/{anonymous_visitor(shop.laptop)}/sign_out"))
    assert (anonymous.status_code, error_of(anonymous)["code"]) == (409, "visitor_anonymous")
    missing = shop.operator.post(shop.path(f"visitors/{nobody()}/sign_out"))
    assert (missing.status_code, error_of(missing)["code"]) == (404, "visitor_not_found")


def test_an_operator_undoes_a_merge(shop: Shop) -> None:
    """The second time is refused clearly."""
    shop.say(shop.laptop, "mine")
    ada = sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.phone)
    sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.laptop)
    [merge] = shop.agent.get(shop.path(f"visitors/{ada.visitor_id}")).json()["merges"]

    undone = shop.operator.post(shop.path(f"merges/{merge['id']}/undo"))
    again = shop.operator.post(shop.path(f"merges/{merge['id']}/undo"))

    assert undone.status_code == 200, undone.text
    assert undone.json()["undone_at"] is not None
    assert undone.json()["survivor_id"] == ada.visitor_id
    assert (again.status_code, error_of(again)["code"]) == (409, "already_undone")
    assert shop.texts(merge["absorbed_id"]) == ["mine"]
    assert shop.texts(ada.visitor_id) == []


def test_the_feed_is_read_on_from_where_it_ended(shop: Shop) -> None:
    """`next_cursor` ends; `resume_cursor` leads to what happens later."""
    ada = sign_in(shop.api, shop.project_id, shop.secret, "ada", shop.phone)
    page = shop.operator.get(shop.path("events")).json()
    kinds = [event["kind"] for event in page["items"]]
    assert kinds == ["SecretRotated", "VisitorVerified"]
    assert page["next_cursor"] is None
    nothing = shop.operator.get(shop.path("events"), params={"cursor": page["resume_cursor"]})
    assert nothing.json() == {
        "items": [],
        "next_cursor": None,
        "resume_cursor": page["resume_cursor"],
    }

    shop.operator.post(shop.path(f"visitors/{ada.visitor_id}/sign_out"))

    more = shop.operator.get(shop.path("events"), params={"cursor": page["resume_cursor"]}).json()
    assert [event["kind"] for event in more["items"]] == ["VisitorSignedOut"]
    assert more["items"][0]["payload"]["visitor_id"] == ada.visitor_id
