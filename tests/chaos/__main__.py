"""The long form: `python -m tests.chaos`, or `make chaos`.

Rounds of faults on a running system, until there were enough faults, regenerates and sign-ins or
the time is over. Every round has its own projects and is checked for itself; in every other round
two faults may overlap. A round that found something wrong is told with its seed, and repeated with
`--seed S --first N --rounds 1`.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from pathlib import Path

from config.logs import configure_logs
from tests.chaos.faults import draw_endlessly
from tests.chaos.figures import Figures
from tests.chaos.runs import Intensity, Ran, run
from tests.chaos.system import ChaosSystem
from tests.servers.databases import KINDS
from tests.servers.forks import Launcher
from tests.servers.runs import begin_run, end_run

FAULTS, REGENERATES, SIGN_INS = 200, 40, 10_000
FAULTS_A_ROUND = 20
REPEATS = 12


def main() -> int:
    """Zero where nothing was wrong."""
    options = _parser().parse_args()
    configure_logs("json", "error")
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    begin_run(first_process=True)
    try:
        all_figures = [_rounds(kind, seed, options) for kind in options.databases]
    finally:
        end_run(first_process=True)
    page = _page(all_figures)
    _say(page)
    if options.write:
        options.write.write_text(page)
    return int(any(figures.violations for figures in all_figures))


def _rounds(kind: str, seed: int, options: argparse.Namespace) -> Figures:
    figures = Figures(kind, seed)
    began = time.monotonic()
    with Launcher() as launcher, ChaosSystem(kind, launcher) as system:
        for number in itertools.count(options.first):
            dice = random.Random(f"{seed}:{kind}:{number}")  # noqa: S311 - to be repeated
            alone = number % 2 == 0
            intensity = Intensity(options.visitors, 1 if alone else 2, 4.0, 0.3, 1.0, REPEATS)
            faults = itertools.islice(draw_endlessly(kind, dice), FAULTS_A_ROUND)
            ran = asyncio.run(run(system, list(faults), dice, intensity))
            figures.add(ran, alone=alone)
            figures.seconds = time.monotonic() - began
            _tell(figures, number)
            _tell_faults(ran)
            if _is_enough(figures) or figures.rounds == options.rounds:
                break
            if figures.seconds > options.seconds:
                _say(f"{kind}: the time is over")
                break
    return figures


def _is_enough(figures: Figures) -> bool:
    return (
        sum(figures.faults.values()) >= FAULTS
        and figures.regenerates >= REGENERATES
        and figures.sign_ins >= SIGN_INS
    )


def _tell(figures: Figures, number: int) -> None:
    _say(
        f"{figures.kind} seed {figures.seed} round {number}, {figures.seconds:.0f} s:"
        f" {sum(figures.faults.values())} faults, {figures.regenerates} regenerates,"
        f" {figures.sign_ins} sign-ins, {len(figures.violations)} violations"
    )
    for violation in figures.violations:
        if violation.startswith(f"round {figures.rounds}:"):
            _say(f"  {violation}")


def _tell_faults(ran: Ran) -> None:
    """What had been done, where something was wrong."""
    if ran.violations:
        for fault in sorted(ran.history.faults, key=lambda fault: fault.began_at):
            took = fault.ended_at - fault.began_at
            _say(f"  at {fault.began_at:.2f} for {took:.2f} s: {fault.kind}, {fault.target}")


def _page(all_figures: list[Figures]) -> str:
    template = Path(__file__).with_name("reliability.md.txt").read_text()
    parts: list[str] = []
    for figures in all_figures:
        parts += [f"### {figures.kind}", "", "| | |", "|---|---|", *figures.lines(), ""]
        parts += ["| fault | times | measured | until the next sign-in succeeded |"]
        parts += ["|---|---|---|---|", *figures.recovery_lines(), ""]
    return template.replace("FIGURES\n", "\n".join(parts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seconds", type=float, default=1500, help="for each database, at most")
    parser.add_argument("--rounds", type=int, help="for each database, at most")
    parser.add_argument("--first", type=int, default=0, help="the number of the first round")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--write", type=Path, help="the page that the figures go to")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
