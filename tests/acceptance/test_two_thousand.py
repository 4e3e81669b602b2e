"""Two thousand sockets, and a cut that closes exactly the right thousand."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from benchmarks.fleet import Fleet
from benchmarks.wire import TEXT, client_frame
from tests.acceptance.sites import Site
from tests.servers.databases import USUAL_KINDS

OLD, NEWER, ANONYMOUS = 1000, 500, 500
FOLLOWING_UP = ("revocation-1", "revocation-2", "maintenance")
SECONDS = 60.0

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")

_PING = client_frame(b'{"type":"ping"}')

Measured = Callable[[str], None]


@contextmanager
def _nobody_revokes(site: Site) -> Iterator[None]:
    """Whoever follows up on a revocation stands still in this block."""
    workers = [site.system.processes[name] for name in FOLLOWING_UP]
    for worker in workers:
        worker.pause()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


def test_the_cut_closes_exactly_the_sessions_of_the_old_secret(
    site: Site, measured: Measured
) -> None:
    """Not one of those who signed in anew meanwhile, and not one of those who never did.

    The new secret is in use before the cut reaches the gateway: 500 who were signed in with the
    old one present a token of the new one first.
    """
    port = int(site.system.gateway_url().rsplit(":", 1)[1])
    path = f"/v1/socket?project={site.project_id}"
    with ExitStack() as stack:
        old, newer, anonymous = (stack.enter_context(Fleet(port, path)) for _ in range(3))
        took = old.open(OLD) + newer.open(NEWER) + anonymous.open(ANONYMOUS)
        measured(f"2,000 sockets opened in {took:.2f} s")
        took = _sign_in(old, site, "old") + _sign_in(newer, site, "newer")
        measured(f"1,500 of them signed in, in {took:.2f} s")
        old_key = site.key_id
        with _nobody_revokes(site):
            answer = site.regenerate()
            took = _sign_in(newer, site, "newer")
            measured(f"500 signed in again with the newer secret in {took:.2f} s")
            assert site.get("/impact")["by_key"] == {
                old_key: OLD,
                site.key_id: NEWER,
                "anonymous": ANONYMOUS,
            }
            cut = time.monotonic()

        times = old.until_closed(4401).times

        first, last = ((at - cut) * 1000 for at in (min(times), max(times)))
        measured(f"1,000 closed, the first after {first:.0f} ms, the last after {last:.0f} ms")
        receipt = site.completed_receipt(answer["rotation"]["id"])
        assert len(times) == OLD
        assert receipt["sessions"] == {"targeted": OLD, "closed": OLD, "gone": 0}
        assert _alive(newer) == NEWER
        assert _alive(anonymous) == ANONYMOUS
        assert site.get("/impact")["by_key"] == {site.key_id: NEWER, "anonymous": ANONYMOUS}


def _sign_in(fleet: Fleet, site: Site, name: str) -> float:
    for number, widget in enumerate(fleet.widgets.values()):
        widget.take_token(site.token(f"{name}-{number}"))
    return fleet.sign_in()


def _alive(fleet: Fleet) -> int:
    """How many answer, and have heard nothing but that answer."""
    for widget in fleet.widgets.values():
        widget.socket.send(_PING)
    deadline = time.monotonic() + SECONDS
    answered: set[int] = set()
    while len(answered) < len(fleet.widgets) and time.monotonic() < deadline:
        for widget, opcode, payload in fleet.frames(0.5):
            assert (opcode, payload) == (TEXT, b'{"type":"pong"}')
            answered.add(widget.fd)
    return len(answered)
