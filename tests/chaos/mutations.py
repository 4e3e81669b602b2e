"""Deliberate bugs: each a few lines of the product changed, and the play that it spoils.

`python -m tests.chaos.mutations` applies every one to a copy of the code, plays, and fails unless
the checker sees it. `make mutations` does that.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.logs import configure_logs
from tests.acceptance.processes import ROOT
from tests.chaos import interleavings
from tests.chaos.checker import Violation
from tests.chaos.interleavings import Play
from tests.chaos.system import ChaosSystem
from tests.servers.forks import Launcher
from tests.servers.runs import begin_run, end_run

TRIES = 3

PACKAGES = (
    *("cli", "config", "dashboard", "domain", "gateway"),
    *("migrations", "services", "storage", "tests", "widget", "workers"),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that stands once in a file, and what stands there instead."""

    path: str
    before: str
    after: str

    def applied(self, text: str) -> str:
        """The file's text with the bug.

        Raises:
            ValueError: the code has changed, and the bug must follow it.
        """
        if text.count(self.before) != 1:
            message = f"{self.path}: expected once:\n{self.before}"
            raise ValueError(message)
        return text.replace(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Bug:
    """What somebody might get wrong, and where that shows."""

    name: str
    play: Play
    edits: tuple[Edit, ...]


BUGS = (
    Bug(
        "no state check in the worker",
        interleavings.old_token_is_tried,
        (
            Edit(
                "domain/tokens/keys.py",
                "        return self.state in _ACCEPTED_STATES\n",
                "        return True\n",
            ),
        ),
    ),
    Bug(
        "no epoch compare in the bind script",
        interleavings.outcome_is_overtaken,
        (
            Edit(
                "storage/redis/scripts/bind.lua",
                "  if tonumber(ARGV[5]) < epoch then\n    return {2, epoch}\n  end\n",
                "",
            ),
        ),
    ),
    Bug(
        "no second look at the epoch after a bind",
        interleavings.answer_to_a_bind_is_late,
        (
            Edit(
                "gateway/identity_changes.py",
                "result.status is BindStatus.BEHIND or not room.accepts(outcome.generation):",
                "result.status is BindStatus.BEHIND:",
            ),
        ),
    ),
    Bug(
        "a close that comes late stands in no receipt",
        interleavings.answer_to_a_bind_is_late,
        (
            Edit(
                "gateway/revocations.py",
                "        room.unreported[generation] += 1\n        self._metrics.revoked.inc()\n",
                "        self._metrics.revoked.inc()\n",
            ),
        ),
    ),
    Bug(
        "no periodic comparison",
        interleavings.signals_are_lost,
        (Edit("gateway/sweeps.py", "self._compare(project_id, version)\n", "pass\n"),),
    ),
    Bug(
        "nodes that Redis had forgotten are not asked",
        interleavings.redis_forgets_its_nodes,
        (
            Edit(
                "services/settle_rotations.py",
                "    if not receipt.settled or not receipt.all_asked:\n",
                "    if not receipt.settled:\n",
            ),
        ),
    ),
    Bug(
        "no relay",
        interleavings.broker_is_away,
        (
            Edit(
                "workers/tasks.py",
                "        events = relay_outbox(runtime.stores)\n",
                "        events = int(relay_outbox is None)\n",
            ),
        ),
    ),
    Bug(
        "Redis raised before the commit, which then fails",
        interleavings.commit_fails,
        (
            Edit(
                "dashboard/api/signing_secrets.py",
                "    made = runtime.stores.transactor.run(\n        lambda transaction: generate(",
                "    from storage.redis import publications\n"
                "    redis = runtime.stores.redis\n"
                "    epoch = publications.read_versions(redis, [project_id])[project_id].epoch\n"
                "    publications.raise_epoch(redis, project_id, (epoch or 0) + 1)\n"
                "    made = runtime.stores.transactor.run(\n"
                "        lambda transaction: generate(",
            ),
        ),
    ),
    Bug(
        "a missing card read as epoch zero",
        interleavings.redis_is_emptied_before_a_bind,
        (
            Edit(
                "storage/redis/scripts/bind.lua",
                "  if not epoch then\n    return {0}\n  end\n",
                "  epoch = epoch or 0\n",
            ),
        ),
    ),
    Bug(
        "a lost lease that changes nothing",
        interleavings.gateway_is_cut_off,
        (
            Edit(
                "gateway/lease.py",
                "TRUSTED_SECONDS = LEASE_SECONDS * 2 / 3\n",
                "TRUSTED_SECONDS = LEASE_SECONDS * 1000\n",
            ),
        ),
    ),
    Bug(
        "the worker binds instead of the node",
        interleavings.worker_pauses_after_its_commit,
        (
            Edit(
                "workers/verification.py",
                "    outcomes = [*answers, *verified.outcomes]\n    counts = count_sign_ins(",
                "    outcomes = [*answers, *verified.outcomes]\n"
                "    asked = {request['request_id']: request for request in requests}\n"
                "    for bound in verified.outcomes:\n"
                "        if getattr(bound, 'generation', None) and bound.session_id:\n"
                "            request = asked[bound.request_id]\n"
                "            tag = '{' + request['project_id'] + '}'\n"
                "            name = f\"{bound.generation}:{request['node_id']}:0\"\n"
                "            ids = [bytes.fromhex(text.replace('-', ''))\n"
                "                   for text in (bound.session_id, bound.visitor_id)]\n"
                "            runtime.stores.redis.hset(f'{tag}:s:{name}', *ids)\n"
                "            runtime.stores.redis.sadd(f'{tag}:buckets', name)\n"
                "    counts = count_sign_ins(",
            ),
            Edit(
                "gateway/identity_changes.py",
                "        session.node.records.bind(\n"
                "            session,\n"
                "            outcome.visitor_id,\n"
                "            outcome.generation,\n"
                "            outcome.ended_device_id,\n"
                "            partial(self._bound, outcome),\n"
                "            outcome.person_epoch,\n"
                "        )\n",
                "        import asyncio\n"
                "        asyncio.get_running_loop().call_soon(\n"
                "            self._bound, outcome, BindResult(BindStatus.BOUND)\n"
                "        )\n",
            ),
        ),
    ),
)


@contextmanager
def copy_with(bug: Bug) -> Iterator[Path]:
    """A copy of the code with the bug in it.

    Raises:
        ValueError: the code has changed, and the bug must follow it.
    """
    with tempfile.TemporaryDirectory(prefix="widget-auth-bug-") as name:
        folder = Path(name)
        leave = shutil.ignore_patterns("__pycache__", "node_modules")
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=leave)
        for edit in bug.edits:
            path = folder / edit.path
            path.write_text(edit.applied(path.read_text()))
        yield folder


def play_with(bug: Bug) -> list[Violation]:
    """What the checker saw; played again, up to three times, where it saw nothing."""
    with copy_with(bug) as root:
        for _ in range(TRIES):
            with Launcher(root) as launcher, ChaosSystem("sqlite", launcher) as system:
                ran = asyncio.run(bug.play(system))
            if ran.violations:
                return ran.violations
    return []


def main() -> int:
    """Zero where every play ends well without its bug, and every bug is seen."""
    configure_logs("json", "error")
    begin_run(first_process=True)
    try:
        with Launcher() as launcher, ChaosSystem("sqlite", launcher) as system:
            well = [
                _told(bug, "without it", asyncio.run(bug.play(system)).violations) for bug in BUGS
            ]
        seen = [_told(bug, "with it", play_with(bug)) for bug in BUGS]
    finally:
        end_run(first_process=True)
    return int(any(well) or not all(seen))


def _told(bug: Bug, how: str, violations: list[Violation]) -> bool:
    what = f"SEEN: {violations[0].rule}" if violations else "nothing wrong"
    sys.stdout.write(f"{bug.name}, {how}: {what}\n")
    sys.stdout.flush()
    return bool(violations)


if __name__ == "__main__":
    sys.exit(main())
