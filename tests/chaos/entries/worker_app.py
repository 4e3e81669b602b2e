"""The Celery app of workers and beat, with traps."""

from tests.chaos.entries.traps import Traps
from workers.app import app, runtime

runtime.reached = Traps()

__all__ = ["app"]
