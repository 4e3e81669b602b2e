"""Another client of Redis, which notes how long it had to wait while something else went on.

Usage: python -m benchmarks.stall_probe PORT. Two lines in, `begin` and `end`; the line out is the
longest wait between them, in seconds.
"""

import selectors
import sys
import time

import redis

from benchmarks.children import Children
from config.readiness import announce_ready

PAUSE_SECONDS = 0.001


class StallProbe:
    """The other side: begins and ends a probe that runs in a process of its own."""

    def __init__(self, children: Children, redis_port: int) -> None:
        command = [sys.executable, "-m", "benchmarks.stall_probe", str(redis_port)]
        self._child = children.start(f"probe-{redis_port}", command, talks=True)
        self._child.until_ready()

    def begin(self) -> None:
        """From now on waits are noted."""
        self._child.tell("begin")
        self._child.hear()

    def end(self) -> float:
        """The longest wait (seconds) since it began."""
        self._child.tell("end")
        return float(self._child.hear())


def main() -> None:
    """Returns when nobody asks any more."""
    with redis.Redis(port=int(sys.argv[1])) as client:
        client.ping()
        announce_ready()
        while sys.stdin.readline():
            print("begun", flush=True)
            print(_longest_wait(client), flush=True)


def _longest_wait(client: "redis.Redis") -> float:
    longest = 0.0
    with selectors.DefaultSelector() as input_waits:
        input_waits.register(sys.stdin, selectors.EVENT_READ)
        while not input_waits.select(PAUSE_SECONDS):
            began = time.monotonic()
            client.ping()
            longest = max(longest, time.monotonic() - began)
    sys.stdin.readline()
    return longest


if __name__ == "__main__":
    main()
