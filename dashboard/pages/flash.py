"""One sentence that a form leaves for the page after it. Never a secret: it travels in clear."""

from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response

from dashboard.runtime import Runtime

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Flash:
    """What there is to say."""

    text: str
    tone: Tone = "good"


def leave_flash(request: Request, response: Response, flash: Flash) -> None:
    """The next page says it."""
    runtime: Runtime = request.app.state.runtime
    runtime.cookies.keep_flash(response, f"{flash.tone}:{flash.text}")


def take_flash(request: Request) -> Flash | None:
    """What the page before left."""
    runtime: Runtime = request.app.state.runtime
    tone, _, text = (runtime.cookies.flash(request) or "").partition(":")
    match tone:
        case "good" | "bad" | "plain":
            return Flash(text, tone)
        case _:
            return None


def forget_flash(request: Request, response: Response) -> None:
    """It has been said."""
    runtime: Runtime = request.app.state.runtime
    runtime.cookies.forget_flash(response)
