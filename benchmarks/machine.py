"""What the figures were measured on, so that somebody else can measure them again."""

import os
import platform
import resource
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cli.development.redis_server import find_server

PACKAGES = ("celery", "redis", "sqlalchemy", "psycopg", "pyjwt", "uvicorn", "uvloop", "picows")


def describe() -> dict[str, Any]:
    """Processors, system, versions, and how busy the machine is."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "redis": _redis_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "load_before": round(os.getloadavg()[0], 2),
    }


def warn_if_busy(machine: dict[str, Any]) -> None:
    """Says so where other programs take so much that the figures are good for orientation only."""
    if machine["load_before"] > machine["cores"] / 4:
        print("this machine is busy with something else: take the figures for orientation only")


def raise_file_limit() -> None:
    """This process, and those it starts, may have as many files open as the system lets them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _redis_version() -> str:
    told = subprocess.run([find_server(), "--version"], capture_output=True, text=True, check=True)
    return " ".join(told.stdout.split()[:3])
