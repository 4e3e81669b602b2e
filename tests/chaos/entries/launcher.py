"""A process that has imported everything, and forks itself for each process that is to run.

A fault every second is a start every second, and importing is nearly all of a start. It reads one
JSON object a line: `{"module", "arguments", "environ", "log"}`, and answers each with a process id.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
import traceback
from typing import Any

from cli.development.lifetime import tied_to_this_process

IMPORTED = (
    "celery.__main__",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.solo",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "cli.gateway_command",
    "cli.main",
    "dashboard.server",
    "kombu.transport.redis",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
    "workers.beat",
    "workers.consumer",
    "workers.tasks",
)


def main() -> None:
    """Whoever started it has closed its standard input."""
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead here
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        tie = tied_to_this_process()
        pid = os.fork()
        if not pid:
            tie()
            _become(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(wanted: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number, end in enumerate((null, log, log)):
        os.dup2(end, number)
    os.environ.update(wanted["environ"])
    sys.argv = [wanted["module"], *wanted["arguments"]]
    code: object = 0
    try:
        runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
        code = traceback.format_exc()
    if isinstance(code, str):
        sys.stderr.write(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
