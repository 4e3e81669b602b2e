"""The plug-in: a test in which something contradicts docs/asyncapi.yaml fails; gaps are told."""

import json
import os
from collections import Counter
from collections.abc import Generator

import pytest

from tests.published.witness import WITNESS, every_thing
from tests.servers.runs import run_dir

_OTHERS = "seen-*.json"
# More are missing only where a part of the suite was run, of which nobody expects them.
_FEW = 12


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Nothing that was said in this test contradicts what is published."""
    yield
    if wrong := WITNESS.take_contradictions():
        told = "\n".join(f"  {each}" for each in wrong[:10])
        pytest.fail(f"{len(wrong)} contradict docs/asyncapi.yaml:\n{told}", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What this process of the run has seen is where the first one finds it."""
    if hasattr(session.config, "workerinput"):
        (run_dir() / f"seen-{os.getpid()}.json").write_text(json.dumps(WITNESS.seen))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much of the document this run has seen, and what it has not."""
    seen = Counter(WITNESS.seen)
    for path in run_dir().glob(_OTHERS):
        seen.update(json.loads(path.read_text()))
    if not seen:
        return
    every = every_thing()
    missing = [each for each in every if not seen[each]]
    found = f"{len(every) - len(missing)} of {len(every)} kinds"
    terminalreporter.write_line(f"docs/asyncapi.yaml: {found} seen, {seen.total()} held against it")
    if 0 < len(missing) <= _FEW:
        terminalreporter.write_line(f"  not seen: {', '.join(missing)}")
