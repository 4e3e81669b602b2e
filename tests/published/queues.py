"""What went through a running system's queues and into its outbox."""

import json
from pathlib import Path

from storage.sql.engine import open_database
from tests.published.witness import WITNESS, is_of_this_process


def hold_tasks(folder: Path) -> None:
    """Every task that the system's workers wrote down is held against what is published."""
    for path in folder.glob("tasks-*.jsonl"):
        whole, _, _ = path.read_text().rpartition("\n")  # a worker that was killed may have begun
        for line in whole.splitlines():
            taken = json.loads(line)
            if not is_of_this_process(taken["origin"]):
                WITNESS.queued(taken["task"], taken["arguments"])


def hold_events(database_url: str) -> None:
    """So is every event of its outbox, up to a bound."""
    database = open_database(database_url)
    WITNESS.written(database)
    database.close()
