"""Imported by the suite's own worker processes: what they take from the queues is written down.

Production includes no such module. The first messages of each task are written whole and later
ones now and then, so that a flood stays a flood of messages and not of files.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery.signals import task_prerun

FOLDER_VARIABLE = "WIDGET_AUTH_TEST_TASKS"
ALL_OF_THE_FIRST = 200
THEN_EVERY = 50

_taken: Counter[str] = Counter()


@task_prerun.connect
def _write_down(task: Any, kwargs: Mapping[str, Any], **_signal: object) -> None:
    _taken[task.name] += 1
    count = _taken[task.name]
    if count > ALL_OF_THE_FIRST and count % THEN_EVERY:
        return
    line = {"task": task.name, "origin": task.request.origin, "arguments": kwargs}
    path = Path(os.environ[FOLDER_VARIABLE]) / f"tasks-{os.getpid()}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
