"""Supervises made-up processes until it is told to stop. A program.

Usage: stand_in.py NAME=CODE…

Each NAME is kept running and executes its CODE with Python, after `say_ready` if that is in it.
Prints a JSON line with the processes' ids once all are ready; failures go to standard error.
Whatever has not stopped after GRACE seconds is killed.
"""

import asyncio
import json
import os
import signal
import sys

from cli.development.output import Output
from cli.development.supervisor import Kept, StartFailed, Supervisor

PREAMBLE = "from config.readiness import announce_ready as say_ready; import time, signal, os\n"


async def main() -> int:
    """Ends when it is told to, or when something did not start."""
    supervisor = Supervisor(dict(os.environ), Output())
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            supervisor.stop_at_once()
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    kept = [
        Kept(name, (sys.executable, "-c", PREAMBLE + code))
        for name, _, code in (argument.partition("=") for argument in sys.argv[1:])
    ]
    try:
        await supervisor.bring_up(*kept)
        ids = {each.name: each.child.process_id for each in kept if each.child}
        print(json.dumps(ids), flush=True)  # noqa: T201
        await asked.wait()
    except StartFailed as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await supervisor.stop(float(os.environ["GRACE"]))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
