"""A planned rotation with 1,200 live people: who has a fresh token at hand notices nothing."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.fleet import Fleet, Widget
from benchmarks.wire import CLOSE
from domain.times import from_wire, to_wire
from tests.acceptance.sites import Site
from tests.acceptance.test_two_thousand import _alive, _sign_in
from tests.servers.databases import USUAL_KINDS

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")

SUPPLIED, NOT_SUPPLIED = 1000, 200
ASKED_WITHIN = timedelta(seconds=5)
OVERLAP = 2 * ASKED_WITHIN  # asking takes half the time that is left
SECONDS = 60.0

Measured = Callable[[str], None]


@dataclass
class Watched:
    """A fleet, and what its widgets have heard."""

    fleet: Fleet
    heard: Counter[str] = field(default_factory=Counter)
    asked_at: list[float] = field(default_factory=list)
    closed_at: list[float] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)

    def listen(self, asked: Callable[[Widget], None]) -> None:
        """Whatever came has been counted; whoever was asked for a token has answered."""
        for widget, opcode, payload in self.fleet.frames(0.02):
            if opcode == CLOSE:
                self.heard[str(int.from_bytes(payload[:2], "big"))] += 1
                self.closed_at.append(time.time())
                self.fleet._forget(widget)
                continue
            frame = json.loads(payload)
            if frame.get("code") == "unavailable":  # the machine stood still: the client repeats
                asked(widget)
                continue
            self.heard[frame.get("reason", frame["type"])] += 1
            if frame["type"] == "reauthenticate":
                self.asked_at.append(time.time())
                asked(widget)
            elif frame["type"] == "signed_in":
                self.moved.add(widget.fd)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test has opened."""
    with ExitStack() as opened:
        yield opened


def test_nobody_who_has_a_fresh_token_is_disconnected(
    site: Site, stack: ExitStack, measured: Measured
) -> None:
    """1,000 clients supply fresh tokens when asked, 200 do not: exactly these are closed.

    Once the asking has begun the cut is put off, and brought forward when everybody was asked.
    """
    port = int(site.system.gateway_url().rsplit(":", 1)[1])
    path = f"/v1/socket?project={site.project_id}"
    supplied, silent = (Watched(stack.enter_context(Fleet(port, path))) for _ in range(2))
    supplied.fleet.open(SUPPLIED)
    silent.fleet.open(NOT_SUPPLIED)
    _sign_in(supplied.fleet, site, "supplied")
    _sign_in(silent.fleet, site, "silent")
    old_secret, old_key = site.secret, site.key_id
    numbers = {fd: number for number, fd in enumerate(supplied.fleet.widgets)}

    def supply(widget: Widget) -> None:
        widget.take_token(site.token(f"supplied-{numbers[widget.fd]}"))
        widget.present_token()

    def until(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < deadline, (supplied.heard, silent.heard)
            supplied.listen(supply)
            silent.listen(lambda _widget: None)

    soon, later = (to_wire(datetime.now(UTC) + each) for each in (OVERLAP, timedelta(minutes=30)))
    rotation = site.regenerate(retire_previous=soon)["rotation"]
    until(lambda: bool(supplied.asked_at or silent.asked_at))
    assert site.reschedule(rotation["id"], later).status_code == 200
    until(lambda: len(supplied.moved) == SUPPLIED and len(silent.asked_at) >= NOT_SUPPLIED)
    spread = max(supplied.asked_at) - min(supplied.asked_at)
    due_at = site.cut_soon(rotation["id"])
    until(lambda: len(silent.closed_at) == NOT_SUPPLIED)

    late = [at - from_wire(due_at).timestamp() for at in silent.closed_at]
    measured(f"1,000 asked within {spread:.1f} s; 200 closed {min(late):.2f} s after the date")
    assert set(supplied.heard) == {"secret_retiring", "signed_in"}
    assert set(silent.heard) == {"secret_retiring", "4401"}
    assert min(late) >= 0
    receipt = site.completed_receipt(rotation["id"])
    assert receipt["sessions"] == {
        "targeted": NOT_SUPPLIED,
        "closed": NOT_SUPPLIED,
        "gone": 0,
    }
    assert receipt["effective_at"] >= receipt["due_at"] == due_at
    assert _alive(supplied.fleet) == SUPPLIED
    by_key = site.get("/impact")["by_key"]
    assert by_key == {site.key_id: SUPPLIED, "anonymous": 0}
    assert old_key not in by_key
    newcomer = stack.enter_context(Fleet(port, path))
    newcomer.open(1)
    [widget] = newcomer.widgets.values()
    widget.take_token(site.token("late", secret=old_secret))
    widget.present_token()
    assert _answer(newcomer)["code"] == "key_revoked"


def _answer(fleet: Fleet) -> dict[str, str]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for _, _, payload in fleet.frames(0.5):
            frame: dict[str, str] = json.loads(payload)
            return frame
    raise AssertionError
