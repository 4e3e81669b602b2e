"""Visitors who talk: widgets of the tests' own, and a project in which some have been talking."""

import itertools
from typing import Any

from domain.ids import ProjectId, VisitorId
from tests.browser.busy_days import generate, mint
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.integration.gateway.running import Widget
from tests.waiting import wait_until

_numbers = itertools.count(1)


def write(widget: Widget, text: str) -> None:
    """The words stand in the visitor's thread."""
    frame_id = f"m{next(_numbers)}"
    widget.say({"type": "message", "id": frame_id, "text": text})
    hear(widget, "sent")


def hear(widget: Widget, kind: str) -> dict[str, Any]:
    """The next frame of that type; others are passed over."""
    while (frame := widget.hear())["type"] != kind:
        pass
    return frame


def sign_in(widget: Widget, token: str) -> VisitorId:
    """Whom the widget speaks for from now on."""
    answer = widget.sign_in(token)
    assert answer["type"] == "signed_in", answer
    return VisitorId(answer["visitor"]["id"])


def answer(dashboard: Dashboard, project_id: ProjectId, visitor_id: str, text: str) -> None:
    """An agent has answered."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        path = f"/projects/{project_id}/visitors/{visitor_id}/messages"
        sent = admin.post(path, json={"text": text, "name": "Grace"})
    assert sent.status_code == 201, sent.text


def talk(dashboard: Dashboard, project_id: ProjectId) -> VisitorId:
    """Three have written: one by a secret that is revoked since, one signed in, one anonymous.

    Returns the second one, who came from two devices.
    """
    old = generate(dashboard, project_id)["secret"]
    with connected(dashboard, project_id) as widget:
        token = mint(old, "customer-2031", name="Blaise Pascal", email="blaise@example.com")
        blaise = sign_in(widget, token)
        write(widget, "Could you send the invoice to my new address?")
        answer(dashboard, project_id, blaise, "Of course. Is it the one in Rouen?")
    secret = generate(dashboard, project_id, reason="A developer left")["secret"]
    with connected(dashboard, project_id) as widget:
        write(widget, "Hi! Do you ship to Sicily as well?")
    token = mint(secret, "customer-1815", name="Ada Lovelace", email="ada@example.com", plan="gold")
    with connected(dashboard, project_id) as phone, connected(dashboard, project_id) as laptop:
        ada = sign_in(phone, token)
        write(laptop, "Hello? I have ordered a book and it has not arrived.")
        sign_in(laptop, token)
        write(laptop, "Sorry, now I am signed in. It is order 4711.")
        answer(dashboard, project_id, ada, "Thank you, Ada. It left us on Monday.")
        write(laptop, "Wonderful, then I will wait until tomorrow.")
    _wait_until_all_have_left(dashboard, project_id)
    return ada


def _wait_until_all_have_left(dashboard: Dashboard, project_id: ProjectId) -> None:
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        path = f"/projects/{project_id}/sessions"
        wait_until(lambda: admin.get(path).json()["items"] == [], "a project without sessions")
