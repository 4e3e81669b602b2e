"""What the figures were measured on, so that somebody else can measure them again."""

import os
import platform
import resource
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import median
from cli.development.redis_server import find_server

DISK_WRITES = 50
PACKAGES = ("celery", "redis", "sqlalchemy", "psycopg", "pyjwt", "uvicorn", "uvloop", "picows")


def describe() -> dict[str, Any]:
    """Processors, system, versions, the disk under `/tmp`, and how busy the machine is."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "redis": _redis_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "disk_write_ms": round(1000 * _disk_write_seconds(), 2),
        "load_before": round(os.getloadavg()[0], 2),
    }


class Company:
    """How much of the machine other programs took since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._others = _busy_seconds() - _own_seconds()

    def share(self) -> float:
        """Of all cores, 0–1; right once every process of ours has ended."""
        seconds = (time.monotonic() - self._began) * len(os.sched_getaffinity(0))
        return max(0.0, _busy_seconds() - _own_seconds() - self._others) / seconds


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def raise_file_limit() -> None:
    """This process, and those it starts, may have as many files open as the system lets them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _disk_write_seconds() -> float:
    """What a durable commit waits for at least: 8 KB written and synchronised, the median."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(DISK_WRITES):
            began = time.monotonic()
            os.pwrite(file.fileno(), bytes(8192), 0)
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - began)
    return median(taken)


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
