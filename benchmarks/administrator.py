"""An administrator in a process of their own, who regenerates whenever they are told to.

Usage: python -m benchmarks.administrator, with the system's settings in the environment. Every
line in is a project's id; the line out is JSON: what was generated, and when (monotonic seconds)
the call began and was answered.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from benchmarks.children import Children
from cli.connections import Connected, connected
from config.readiness import announce_ready
from domain.ids import ProjectId, RotationId
from services.rotate_secret import regenerate


@dataclass(frozen=True, slots=True)
class Regenerated:
    """A regeneration as the administrator saw it. Times in monotonic seconds."""

    secret: str
    rotation_id: RotationId
    called_at: float
    answered_at: float

    @property
    def seconds(self) -> float:
        """How long the call took."""
        return self.answered_at - self.called_at


class Administrator:
    """The other side: tells the process what to do."""

    def __init__(self, children: Children, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "benchmarks.administrator"]
        self._child = children.start("administrator", command, environment, talks=True)
        self._child.until_ready()

    def ask(self, project_id: ProjectId) -> None:
        """The regeneration is under way."""
        self._child.tell(project_id)

    def answer(self) -> Regenerated:
        """What was asked for last has been answered."""
        return Regenerated(**json.loads(self._child.hear()))


def main() -> None:
    """Returns when nobody asks any more."""
    with connected() as system:
        system.stores.redis.ping()
        announce_ready()
        for line in sys.stdin:
            print(json.dumps(asdict(_regenerate(system, ProjectId(line.strip())))), flush=True)


def _regenerate(system: Connected, project_id: ProjectId) -> Regenerated:
    called_at = time.monotonic()
    generated = system.stores.transactor.run(
        lambda transaction: regenerate(
            transaction, system.stores.sealer, project_id, system.actor, reason="benchmark"
        ),
        urgent=True,
    )
    answered_at = time.monotonic()
    rotation_id = generated.rotation.id if generated.rotation else RotationId("")
    return Regenerated(generated.secret, rotation_id, called_at, answered_at)


if __name__ == "__main__":
    main()
