"""What becomes of sign_in and sign_out frames: refused at once, begun, or next in turn.

One change of identity is in flight a socket and the newest waits. A sign-out cancels a sign-in
whose outcome has not come; a sign-in takes the place of an older one that no worker has seen.
Whoever loses their place is refused `unavailable` without `retry_after_ms`.
"""

from time import monotonic
from typing import TYPE_CHECKING, Final

from domain.cards import Limits
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.shape import check_shape
from gateway.frames import SignIn, SignOut
from gateway.identity_changes import SigningIn, SigningOut
from gateway.phases import Phase
from gateway.refusals import (
    TOO_MANY_SIGN_OUTS,
    count_refused_sign_in,
    refuse,
    refuse_rate,
    refuse_unavailable,
)

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession

_ANY_LEEWAY_SECONDS: Final = 10**9


def sign_in(session: "WidgetSession", frame: SignIn) -> None:
    """The token is on its way to a worker, waits for its turn, or is refused at once."""
    node = session.node
    card = node.shelf.find_card(session.project_id)
    limit = (card.limits if card else Limits()).sign_ins_per_socket
    now = monotonic()
    if not session.sign_ins.admit(limit, now):
        count_refused_sign_in(session, RefusalCode.RATE_LIMITED)
        refuse_rate(session, frame.id, session.sign_ins.wait_ms(now))
        return
    if not node.takes_sign_ins or (card is None and session.phase is Phase.LIVE):
        count_refused_sign_in(session, RefusalCode.UNAVAILABLE)
        refuse_unavailable(session, frame.id)
        return
    leeway = card.leeway_seconds if card else _ANY_LEEWAY_SECONDS
    try:
        check_shape(frame.token, now=node.utc_now(), leeway_seconds=leeway)
    except TokenRefused as refused:
        count_refused_sign_in(session, refused.refusal.code)
        refuse(session, frame.id, refused.refusal.code, refused.refusal.message)
        return
    change = SigningIn(session, frame)
    current = session.change
    if isinstance(current, SigningIn) and current.withdraw():
        session.cancel_change()
    session.let_wait(change)
    session.go_on()


def sign_out(session: "WidgetSession", frame: SignOut) -> None:
    """The visitor is on the way out; a sign-in that was under way is cancelled."""
    card = session.node.shelf.find_card(session.project_id)
    limit = (card.limits if card else Limits()).sign_ins_per_socket
    now = monotonic()
    session.departures += 1  # whatever becomes of it: what is said now is not said by the leaver
    if not session.sign_outs.admit(limit, now):
        refuse_rate(session, frame.id, session.sign_outs.wait_ms(now), TOO_MANY_SIGN_OUTS)
        return
    session.let_wait(SigningOut(session, frame.id))
    if isinstance(session.change, SigningIn) and not session.is_moving:
        session.cancel_change()
    session.go_on()
