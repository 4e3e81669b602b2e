"""The inbox without a browser's scripts, and marks as SQL knows of them."""

import re
from datetime import timedelta

import pytest

from dashboard.agent_names import agents_name
from dashboard.pages.faces import initials_of
from domain.ids import ProjectId, VisitorId
from domain.marks import Mark, MarkState
from domain.roles import Role
from services.answer_visitor import answer_visitor
from services.projects import change_project
from services.read_marks import read_marks
from services.sign_out_everywhere import sign_out_everywhere
from storage.sql import visitors
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.people import sign_in
from tests.integration.dashboard.serving import Api
from tests.integration.scenes import ADMINISTRATOR, rotate


def mark_of(api: Api, project_id: ProjectId, visitor_id: VisitorId) -> Mark:
    """The visitor's mark now."""
    with api.stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
        return read_marks(db, project_id).of(visitor)


def test_each_end_of_a_proof_is_known(api: Api, project_id: ProjectId) -> None:
    """Verified; then, whatever comes first: signed out, its key revoked, expired."""
    made = rotate(api.stores.transactor, project_id)
    ada = sign_in(api, project_id, made.secret, "ada").visitor_id
    bob = sign_in(api, project_id, made.secret, "bob").visitor_id
    verified = mark_of(api, project_id, ada)
    assert (verified.state, verified.key_id) == (MarkState.VERIFIED, made.key_id)

    api.stores.transactor.run(lambda t: sign_out_everywhere(t, project_id, ada, ADMINISTRATOR))
    assert mark_of(api, project_id, ada).state is MarkState.SIGNED_OUT
    assert mark_of(api, project_id, bob).state is MarkState.VERIFIED
    rotate(api.stores.transactor, project_id)
    assert mark_of(api, project_id, ada).state is MarkState.SIGNED_OUT
    assert mark_of(api, project_id, bob).state is MarkState.KEY_REVOKED


def test_a_proof_lasts_as_long_as_the_project_lets_it(api: Api, project_id: ProjectId) -> None:
    """A policy that is changed counts for the proofs that there are."""
    made = rotate(api.stores.transactor, project_id)
    ada = sign_in(api, project_id, made.secret, "ada").visitor_id
    before = mark_of(api, project_id, ada)
    assert before.since
    assert before.until == before.since + timedelta(hours=12)

    change_project(api.stores, project_id, {"token_policy": {"proof_seconds": 60}}, ADMINISTRATOR)

    assert mark_of(api, project_id, ada).until == before.since + timedelta(minutes=1)


def test_an_answer_is_sent_without_scripts(api: Api, project_id: ProjectId) -> None:
    """The form is taken as it comes from a browser; what cannot be sent is shown again."""
    secret = rotate(api.stores.transactor, project_id).secret
    ada = sign_in(api, project_id, secret, "ada").visitor_id
    with browsing(api, new_member(api, Role.AGENT, project_id, email="bob.o@example.com")) as bob:
        path = f"/projects/{project_id}/inbox/{ada}"
        answer = bob.submit(path, text="One\r\ntwo ")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        shown = bob.get(path).text
        assert ">One\ntwo</p>" in shown
        assert "<bdi>Bob O</bdi>" in shown

        refused = bob.submit(path, text="<b>" + 4_000 * "x", name="Grace")
        assert refused.status_code == 422
        assert "&lt;b&gt;xxx" in refused.text
        assert "give 1 to 4000 characters" in refused.text
        assert 'value="Grace"' in refused.text
        assert bob.submit(path, text="  ").status_code == 422


def test_earlier_messages_and_conversations_are_on_further_pages(
    api: Api, project_id: ProjectId
) -> None:
    """Fifty at a time; an open conversation that is not the latest part takes no answer."""
    secret = rotate(api.stores.transactor, project_id).secret
    people = [sign_in(api, project_id, secret, f"person-{n}").visitor_id for n in range(51)]
    for visitor in people[:-1]:
        answer_visitor(api.stores, project_id, visitor, "Hello", "Bob", ADMINISTRATOR)
    for n in range(51):
        answer_visitor(api.stores, project_id, people[-1], f"Number {n}.", "Bob", ADMINISTRATOR)
    with browsing(api, new_member(api, Role.AGENT, project_id)) as browser:
        inbox = browser.get(f"/projects/{project_id}/inbox").text
        assert inbox.count('class="conversation"') == 50
        [further] = re.findall(r'rel="next" href="([^"]+)"', inbox)
        assert browser.get(further).text.count('class="conversation"') == 1

        thread = browser.get(f"/projects/{project_id}/inbox/{people[-1]}").text
        assert "Number 1." in thread
        assert "Number 0." not in thread
        [earlier] = re.findall(r'href="([^"]+)">Earlier messages', thread)
        before = browser.get(earlier).text
        assert "Number 0.</p>" in before
        assert "Back to the latest" in before
        assert "<textarea" not in before


@pytest.mark.parametrize("given", [{}, {"name": None}, {"name": "Grace"}])
def test_an_answer_through_the_api_names_no_address(
    api: Api, project_id: ProjectId, given: dict[str, str | None]
) -> None:
    """A member who is signed in and gives no name is called as on the page that has no scripts."""
    secret = rotate(api.stores.transactor, project_id).secret
    ada = sign_in(api, project_id, secret, "ada").visitor_id
    with browsing(api, new_member(api, Role.AGENT, project_id, email="bob.o@example.com")) as bob:
        sent = bob.client.post(
            f"/api/v1/projects/{project_id}/visitors/{ada}/messages",
            json={"text": "Hello", **given},
            headers={"X-CSRF-Token": bob.csrf_token},
        )

    assert sent.status_code == 201, sent.text
    assert sent.json()["agent_name"] == (given.get("name") or "Bob O")


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("ada", "A"),
        ("Ada King Countess of Lovelace", "AL"),
        ("\U0001f600 Ada", "A"),
        ("\U0001f600", "\U0001f600"),
        ("\u05e2\u05d3\u05d4", "\u05e2"),
        ("", ""),
    ],
)
def test_initials(name: str, initials: str) -> None:
    """Of the first word and the last that begin with a letter or a digit."""
    assert initials_of(name) == initials


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ada.lovelace@example.com", "Ada Lovelace"),
        ("ada+work@example.com", "Ada"),
        (f"{'a' * 300}@example.com", "A" + "a" * 199),
        ("", "Support"),
    ],
)
def test_visitors_never_read_an_agents_whole_address(email: str, name: str) -> None:
    """An agent who gives no name is called by what stands before the @."""
    assert agents_name(email) == name
