"""Widgets of the tests' own beside the browser: each a socket that has said hello."""

from collections.abc import Iterator
from contextlib import contextmanager

from websockets.sync.client import connect

from domain.ids import ProjectId
from tests.browser.dashboards import Dashboard
from tests.integration.gateway.running import Widget
from tests.waiting import SECONDS


@contextmanager
def connected(dashboard: Dashboard, project_id: ProjectId) -> Iterator[Widget]:
    """A widget that has been welcomed, for as long as it is looked at."""
    with connect(
        dashboard.system.socket_url(project_id),
        subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
        proxy=None,
        compression=None,
        open_timeout=SECONDS,
        ping_timeout=None,
    ) as connection:
        widget = Widget(connection)
        widget.hello()
        yield widget
