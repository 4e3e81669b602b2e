"""The long-running processes of widget-auth: the one list for every shape it runs in.

`widget-auth dev` starts them from here, and what a deployment starts is held against it. Each
takes its settings from the environment, and none starts another.
"""

from dataclasses import dataclass

from config.queues import MAINTENANCE, REVOCATION, VERIFICATION


@dataclass(frozen=True, slots=True)
class Program:
    """One kind of process: its name, what `python -m` runs, and how many of it there are."""

    name: str
    arguments: tuple[str, ...]
    copies: int = 1

    def names(self) -> list[str]:
        """Each copy's name."""
        if self.copies == 1:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(1, self.copies + 1)]


def _worker(queue: str, copies: int = 1) -> Program:
    # Workers keep no company: asking around for others costs each start a second.
    alone = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    command = ("celery", "-q", "-A", "workers.app", "worker", "-P", "solo", "-Q", queue)
    return Program(queue, (*command, *alone), copies)


WORKERS = (_worker(REVOCATION, copies=2), _worker(VERIFICATION), _worker(MAINTENANCE))
BEAT = Program("beat", ("celery", "-q", "-A", "workers.app", "beat"))
GATEWAY = Program("gateway", ("cli.main", "gateway"))
DASHBOARD = Program("dashboard", ("cli.main", "dashboard"))

ONE_PORT = Program("web", ("cli.all_in_one",))
"""Gateway and dashboard in one process behind one port, for one machine."""
