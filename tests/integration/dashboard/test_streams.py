"""Pages are kept up to date by streams: so many of one member, and none that outlives a sign-in."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from dashboard.pages.streams import MOST_OF_ONE, Streams, TooManyStreams
from domain.ids import ProjectId
from domain.roles import Role
from services.answer_visitor import answer_visitor
from tests.integration.dashboard.browsing import Browsing, browsing, new_member
from tests.integration.dashboard.people import sign_in
from tests.integration.dashboard.serving import Api
from tests.integration.scenes import ADMINISTRATOR, rotate
from tests.waiting import wait_until

EVENTS = {"Accept": "text/event-stream"}


@contextmanager
def following(browser: Browsing, project_id: ProjectId) -> Iterator[httpx.Response]:
    """The stream of the project's inbox, as far as the browser has been let in."""
    path = f"/projects/{project_id}/inbox/changes"
    with browser.client.stream("GET", path, headers=EVENTS) as answer:
        yield answer


def but_for_the_minute(state: str) -> str:
    """What a state tells besides the time, which ends it: marks expire by the minute."""
    told, _, minute = state.rpartition(" ")
    assert minute.isdecimal()
    return told


def states(answer: httpx.Response) -> Iterator[str]:
    """What each event tells."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


def test_a_stream_tells_that_something_is_new(api: Api, project_id: ProjectId) -> None:
    """At once what is, then what has become of it; no word of what was written."""
    secret = rotate(api.stores.transactor, project_id).secret
    ada = sign_in(api, project_id, secret, "ada").visitor_id
    with browsing(api, new_member(api, Role.AGENT, project_id)) as browser:
        now = browser.get(f"/projects/{project_id}/inbox/changes")
        with following(browser, project_id) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            told = states(answer)
            first = but_for_the_minute(next(told))
            assert first == but_for_the_minute(now.text)
            answer_visitor(api.stores, project_id, ada, "Hello", "Bob", ADMINISTRATOR)
            second = next(state for state in told if but_for_the_minute(state) != first)
    assert "Hello" not in second


def test_a_stream_ends_with_the_sign_in(api: Api, project_id: ProjectId) -> None:
    """Whoever signs out hears no more, however much happens."""
    with browsing(api, new_member(api, Role.AGENT, project_id)) as browser:
        with following(browser, project_id) as answer:
            told = states(answer)
            next(told)
            browser.submit("/sign-out")
            for _ in told:
                pass
            assert answer.is_stream_consumed
        again = browser.get(f"/projects/{project_id}/inbox/changes", headers=EVENTS)
        assert again.status_code == 303


def test_a_member_has_so_many_streams(api: Api, project_id: ProjectId) -> None:
    """One more is 429 and says when to come back; who closes one may open another."""
    path = f"/projects/{project_id}/inbox/changes"
    with browsing(api, new_member(api, Role.AGENT, project_id)) as browser:
        with ExitStack() as stack:
            open_ones = [
                states(stack.enter_context(following(browser, project_id)))
                for _ in range(MOST_OF_ONE)
            ]
            assert len({but_for_the_minute(next(told)) for told in open_ones}) == 1
            refused = browser.get(path, headers=EVENTS)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")

        def has_room() -> bool:
            with following(browser, project_id) as answer:
                return answer.status_code == 200

        wait_until(has_room)


def test_all_members_together_have_so_many_streams() -> None:
    """A place that is left is free for anybody."""
    streams = Streams(most=2, most_of_one=2)
    with streams.one_more("ada"):
        with streams.one_more("bob"), pytest.raises(TooManyStreams):
            streams.require_room("carol")
        streams.require_room("carol")
