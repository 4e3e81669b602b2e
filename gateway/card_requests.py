"""Asking workers to publish cards, off the event loop."""

from concurrent.futures import Executor
from threading import Lock

import structlog

from config.queues import PROJECTS_PUBLISH
from domain.ids import ProjectId
from gateway.lane_driver import Publish

log = structlog.get_logger(__name__)

EXPIRES_SECONDS = 5.0
MAX_HELD = 10_000
MAX_UNHELD = 40


class CardRequests:
    """Sends `projects.publish`; what is lost is asked for again by whoever needs the card next.

    Projects that the node holds come first and have a bound of their own, so that no flood of
    others keeps them waiting. When the broker does not answer, all that wait are forgotten.
    """

    def __init__(self, publish: Publish, executor: Executor) -> None:
        self._publish = publish
        self._executor = executor
        self._held: dict[ProjectId, None] = {}
        self._unheld: dict[ProjectId, None] = {}
        self._lock = Lock()

    def ask(self, project_id: ProjectId, *, is_held: bool) -> None:
        """The request is on its way, unless too many wait for a broker that does not answer."""
        waiting, most = (self._held, MAX_HELD) if is_held else (self._unheld, MAX_UNHELD)
        with self._lock:
            if project_id in waiting or len(waiting) >= most:
                return
            waiting[project_id] = None
        self._executor.submit(self._send_next)

    def _send_next(self) -> None:
        project_id = self._take_next()
        if project_id is None:  # forgotten meanwhile
            return
        try:
            self._publish(
                PROJECTS_PUBLISH, {"project_id": project_id}, expires_seconds=EXPIRES_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request tries again
            log.warning("card_not_requested", error=type(error).__name__, forgotten=self._forget())

    def _take_next(self) -> ProjectId | None:
        with self._lock:
            waiting = self._held or self._unheld
            project_id = next(iter(waiting), None)
            if project_id is not None:
                del waiting[project_id]
            return project_id

    def _forget(self) -> int:
        with self._lock:
            forgotten = len(self._held) + len(self._unheld)
            self._held.clear()
            self._unheld.clear()
        return forgotten
