"""Who verifies beside widget-auth: queues of others, one job for each verification.

Each has a Redis and a database of its own, one worker process, in the setting in which it was
fastest there, and another process that enqueues what this one wants verified.
"""

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.children import Child, Children
from benchmarks.contenders import Contender
from benchmarks.naive_peer.load import Job, JobRequests, Person
from benchmarks.naive_peer.names import QUEUE
from benchmarks.peer_packages import (
    install_node_packages,
    install_python_packages,
    node_version_of,
    python_version_of,
)
from benchmarks.servers import start_redis
from benchmarks.system import System, mint
from config.settings import PREFIX, WorkerSettings, load
from domain.device_ids import RANDOM_BYTES, DeviceIds
from domain.ids import ProjectId

CLIENTS = 64
DRAMATIQ_THREADS = 8
TASKIQ_THREADS = 8
BULLMQ_CONCURRENCY = 50
BULLMQ_CONNECTIONS = 10

_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True, slots=True)
class JobQueue:
    """How the worker of a queue and whoever enqueues are started, and in which setting."""

    name: str
    setting: str
    worker: tuple[str, ...]
    feeder: tuple[str, ...]
    packages: str = ""
    runs_on_node: bool = False

    def start(self, children: Children, name: str, system: System, *, feeds: bool) -> Child:
        """One of the two processes is ready."""
        child = children.start(
            f"{name}-{'feeder' if feeds else 'worker'}",
            self.feeder if feeds else self.worker,
            {**system.environment, "PYTHONPATH": self.packages},
            talks=feeds or self.runs_on_node,
        )
        return child.until_spoken() if self.runs_on_node else child.until_ready()


def celery() -> JobQueue:
    """Celery as it comes, one task at a time."""
    options = ("-P", "solo", "-Q", QUEUE, "--without-mingle", "--without-gossip")
    app = "benchmarks.naive_peer.app"
    worker = (*_PYTHON, "celery", "-q", "-A", app, "worker", *options)
    return JobQueue("naive Celery", "1 process, 1 thread", worker, (*_PYTHON, app))


def dramatiq() -> JobQueue:
    """Dramatiq, several threads.

    Raises:
        PeerMissing: it cannot be installed.
    """
    packages = str(install_python_packages())
    app = "benchmarks.naive_peer.dramatiq_app"
    options = ("--processes", "1", "--threads", str(DRAMATIQ_THREADS))
    worker = (*_PYTHON, "dramatiq", app, *options, "--worker-shutdown-timeout", "1000")
    setting = f"{python_version_of('dramatiq')}, 1 process, {DRAMATIQ_THREADS} threads"
    return JobQueue("dramatiq", setting, worker, (*_PYTHON, app), packages)


def taskiq() -> JobQueue:
    """Taskiq on a Redis stream, its event loop and several threads.

    Raises:
        PeerMissing: it cannot be installed.
    """
    packages = str(install_python_packages())
    app = "benchmarks.naive_peer.taskiq_app"
    options = ("--workers", "1", "--max-threadpool-threads", str(TASKIQ_THREADS))
    worker = (*_PYTHON, "taskiq", "worker", f"{app}:broker", *options, "--log-level", "WARNING")
    setting = f"{python_version_of('taskiq')}, 1 process, {TASKIQ_THREADS} threads"
    return JobQueue("taskiq", setting, worker, (*_PYTHON, app), packages)


def bullmq() -> JobQueue:
    """BullMQ on node, with node's own libraries for tokens and PostgreSQL.

    Raises:
        PeerMissing: it cannot be installed.
    """
    program = ("node", str(install_node_packages() / "bullmq.mjs"))
    worker = (*program, "work", str(BULLMQ_CONCURRENCY), str(BULLMQ_CONNECTIONS))
    setting = f"{node_version_of('bullmq')}, 1 process, concurrency {BULLMQ_CONCURRENCY}"
    setting += f", {BULLMQ_CONNECTIONS} connections"
    return JobQueue("BullMQ", setting, worker, (*program, "feed"), runs_on_node=True)


MANY_AT_ONCE: tuple[Callable[[], JobQueue], ...] = (dramatiq, taskiq, bullmq)
"""Those whose one worker process has several jobs under way."""


def start_queue(children: Children, name: str, database_url: str, job_queue: JobQueue) -> Contender:
    """One worker process that verifies one token a job."""
    redis, redis_port = start_redis(children, f"{name}-redis")
    system = System(children, name, database_url, redis_port)
    project_id = system.add_project()
    people = _people(system, project_id, name)
    worker = job_queue.start(children, name, system, feeds=False)
    feeder = job_queue.start(children, name, system, feeds=True)

    def enqueue(job: Job) -> None:
        feeder.tell(json.dumps(job))

    @contextmanager
    def requests() -> Iterator[JobRequests]:
        redis_url = system.environment[f"{PREFIX}REDIS_URL"]
        with closing(JobRequests(redis_url, project_id, people, enqueue)) as opened:
            yield opened

    cpu_seconds = {
        "client": lambda: time.process_time() + feeder.cpu_seconds(),
        "worker": worker.cpu_seconds,
        "Redis": redis.cpu_seconds,
    }
    return Contender(job_queue.name, job_queue.setting, requests, CLIENTS, cpu_seconds)


def _people(system: System, project_id: ProjectId, name: str) -> list[Person]:
    """As many people as clients, each with a token and a device."""
    secret = system.regenerate(project_id).secret
    devices = DeviceIds(load(WorkerSettings, system.environment).device_keys)

    def person(number: int) -> Person:
        device = devices.issue(project_id, datetime.now(UTC), secrets.token_bytes(RANDOM_BYTES))
        return Person(mint(secret, f"{name}-{number}"), device)

    return [person(number) for number in range(CLIENTS)]
