"""The side of a peer that enqueues, in a process of its own, where its packages are."""

import json
import sys
from collections.abc import Callable

from config.readiness import announce_ready


def feed(enqueue: Callable[[int, str, str, str], object]) -> None:
    """Each line of standard input, a JSON list of the arguments, has become one job."""
    announce_ready()
    for line in sys.stdin:
        enqueue(*json.loads(line))
