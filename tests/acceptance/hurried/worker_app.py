"""The Celery app of workers and beat, whose database tells the time of a hurried clock."""

import os
from pathlib import Path

from tests.acceptance.hurried.clock import FILE_VARIABLE, HurriedClock
from workers.app import app, runtime

runtime.clock = HurriedClock(Path(os.environ[FILE_VARIABLE]))

__all__ = ["app"]
