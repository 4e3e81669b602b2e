"""A process that has imported everything, and forks itself for each process that is to run.

Importing is nearly all of a start, and tests start hundreds. It reads one JSON object a line:
`{"module", "arguments", "environ", "input", "output", "log"}`, answered with a process id, or
`{"reap"}`, the id of one that has ended, answered with its exit code; negative, the signal that
ended it.
"""

import gc
import importlib
import json
import os
import runpy
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
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        wanted = json.loads(line)
        answer = _reap(wanted["reap"]) if "reap" in wanted else _fork(wanted)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _reap(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _fork(wanted: dict[str, Any]) -> int:
    tie = tied_to_this_process()
    pid = os.fork()
    if not pid:
        tie()
        _become(wanted)
    return pid


def _become(wanted: dict[str, Any]) -> None:
    os.setsid()
    given = os.open(wanted["input"], os.O_RDONLY)
    written = [
        os.open(wanted[name], os.O_WRONLY | os.O_APPEND | os.O_CREAT) for name in ("output", "log")
    ]
    for number, end in enumerate((given, *written)):
        os.dup2(end, number)
    sys.stdin = os.fdopen(0, closefd=False)  # the other may have read ahead
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
