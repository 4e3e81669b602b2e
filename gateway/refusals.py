"""Refusals that the gateway itself gives."""

import random
from typing import TYPE_CHECKING, Final

from domain.refusals import SENTENCES, RefusalCode
from domain.retry_times import spread_retry_ms
from gateway import answers
from gateway.phases import Phase

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession

SUPERSEDED: Final = "A newer request on this socket took the place of this one."
SIGN_OUT_UNAVAILABLE: Final = (
    "The sign-out could not be carried out just now. Wait as long as retry_after_ms says, then try"
    " again; until then no message is taken."
)
TOO_MANY_SIGN_OUTS: Final = (
    "Too many sign-outs in a short time. Wait as long as retry_after_ms says, then try again; until"
    " then no message is taken."
)


def refuse(
    session: "WidgetSession",
    frame_id: str,
    code: str,
    message: str,
    retry_after_ms: int | None = None,
) -> None:
    """The widget is told, and it is counted."""
    session.node.metrics.refusals.labels(code).inc()
    session.socket.send(answers.refused(frame_id, code, message, retry_after_ms))


def count_refused_sign_in(session: "WidgetSession", code: str) -> None:
    """It is in the project's figures soon; only what no worker saw is counted here."""
    if session.phase is Phase.LIVE:  # welcomed: there is such a project
        session.node.refusal_counts.note(session.project_id, code)


def refuse_unavailable(
    session: "WidgetSession", frame_id: str, message: str = SENTENCES[RefusalCode.UNAVAILABLE]
) -> None:
    """The widget may try again soon, and not all of them at once."""
    retry_after_ms = spread_retry_ms(random.random())  # noqa: S311 - jitter, no secret
    refuse(session, frame_id, RefusalCode.UNAVAILABLE, message, retry_after_ms)


def refuse_rate(
    session: "WidgetSession",
    frame_id: str,
    wait_ms: int,
    message: str = SENTENCES[RefusalCode.RATE_LIMITED],
) -> None:
    """The widget may try again when its window is over."""
    refuse(session, frame_id, RefusalCode.RATE_LIMITED, message, wait_ms)


def refuse_superseded(session: "WidgetSession", frame_id: str) -> None:
    """Repeating the request is not wanted, so nothing says when."""
    refuse(session, frame_id, RefusalCode.UNAVAILABLE, SUPERSEDED)
