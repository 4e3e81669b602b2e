"""Asking workers to publish cards, off the event loop."""

from concurrent.futures import Executor
from threading import Lock

import structlog

from config.queues import PROJECTS_PUBLISH
from domain.ids import ProjectId
from gateway.lane_driver import Publish

log = structlog.get_logger(__name__)

EXPIRES_SECONDS = 5.0
MAX_PENDING = 40


class CardRequests:
    """Sends `projects.publish`; what is lost is asked for again by whoever needs the card next."""

    def __init__(self, publish: Publish, executor: Executor) -> None:
        self._publish = publish
        self._executor = executor
        self._pending = 0
        self._lock = Lock()

    def ask(self, project_id: ProjectId) -> None:
        """The request is on its way, unless too many wait for a broker that does not answer."""
        with self._lock:
            if self._pending >= MAX_PENDING:
                return
            self._pending += 1
        self._executor.submit(self._send, project_id)

    def _send(self, project_id: ProjectId) -> None:
        try:
            self._publish(
                PROJECTS_PUBLISH, {"project_id": project_id}, expires_seconds=EXPIRES_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request tries again
            log.warning("card_not_requested", error=type(error).__name__)
        finally:
            with self._lock:
                self._pending -= 1
