import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.waiting import SECONDS, wait_until

STAND_IN = Path(__file__).with_name("stand_in.py")
# Two are enough to see that they are waited for; where nobody shall be waited for it is an hour.
GRACE_SECONDS, AN_HOUR = 2.0, 3600.0
STEADY = "say_ready(); time.sleep(3600)"
STUBBORN = (
    "signal.signal(signal.SIGTERM, lambda *_: print('asked in vain', flush=True))\n"
    "say_ready(); time.sleep(3600)"
)
WITH_A_CHILD = (
    "import subprocess\n"
    "ignoring = lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen(['sleep', '3600'], preexec_fn=ignoring)\n" + STEADY
)
DYING_ONCE = (
    "marker = os.environ['MARKER']; first = not os.path.exists(marker); open(marker, 'a').close()\n"
    "print('its last words', flush=True) if first else None\n"
    "say_ready(); time.sleep(0.2 if first else 3600)"
)


class Supervised:
    """A supervisor over stand-ins, in a process of its own."""

    def __init__(self, programs: dict[str, str], folder: Path, grace: float) -> None:
        command = [sys.executable, str(STAND_IN)]
        self._errors = folder / "errors"
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, *(f"{name}={code}" for name, code in programs.items())],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "MARKER": str(folder / "marker"), "GRACE": str(grace)},
            )
        self.ids: dict[str, int] = {}

    def wait_until_ready(self) -> None:
        """All its processes have said so."""
        assert self.process.stdout
        self.ids = json.loads(self.process.stdout.readline())

    def errors(self) -> str:
        """What it has written so far, in whole lines."""
        text = self._errors.read_text()
        return text[: text.rfind("\n") + 1]

    def told(self) -> list[dict[str, object]]:
        """The notes among it."""
        return [json.loads(line) for line in self.errors().splitlines() if line.startswith("{")]

    def has_told(self, event: str) -> bool:
        """Whether this is among them."""
        return any(line["event"] == event for line in self.told())

    def close(self) -> None:
        """Nothing of it is left, whatever happened."""
        self.process.kill()
        self.process.communicate()
        for process_id in self.ids.values():
            with suppress(ProcessLookupError):
                os.killpg(process_id, signal.SIGKILL)


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Starts a supervisor over programs given by name."""
    started: list[Supervised] = []

    def start(*, grace: float = GRACE_SECONDS, **programs: str) -> Supervised:
        started.append(Supervised(programs, tmp_path, grace))
        return started[-1]

    yield start
    for supervised in started:
        supervised.close()


def _is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_are_ready_before_anybody_is_told(supervise: Supervise) -> None:
    """Ready is what the process itself says, not that it was started."""
    started = time.monotonic()
    supervised = supervise(quick=STEADY, slow="time.sleep(0.5); " + STEADY)

    supervised.wait_until_ready()

    assert time.monotonic() - started > 0.5
    assert all(map(_is_alive, supervised.ids.values()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_process(supervise: Supervise, number: signal.Signals) -> None:
    """Nor what the processes had started themselves."""
    supervised = supervise(one=STEADY, parent=WITH_A_CHILD)
    supervised.wait_until_ready()

    supervised.process.send_signal(number)

    assert supervised.process.wait(SECONDS) == 0
    assert not any(map(_is_alive, supervised.ids.values()))
    wait_until(lambda: not any(map(_group_is_alive, supervised.ids.values())))


def test_who_does_not_stop_is_killed(supervise: Supervise) -> None:
    """And named."""
    supervised = supervise(stubborn=STUBBORN, willing=STEADY)
    supervised.wait_until_ready()
    started = time.monotonic()

    supervised.process.terminate()

    assert supervised.process.wait(SECONDS) == 0
    assert time.monotonic() - started >= GRACE_SECONDS
    assert not _is_alive(supervised.ids["stubborn"])
    (note,) = [line for line in supervised.told() if line["event"] == "processes_killed"]
    assert note["processes"] == ["stubborn"]


def test_a_second_ctrl_c_waits_for_nobody(supervise: Supervise) -> None:
    """Impatience is allowed."""
    supervised = supervise(stubborn=STUBBORN, grace=AN_HOUR)
    supervised.wait_until_ready()

    supervised.process.send_signal(signal.SIGINT)
    wait_until(lambda: supervised.has_told("asked in vain"))
    supervised.process.send_signal(signal.SIGINT)

    assert supervised.process.wait(SECONDS) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties processes to each other")
def test_a_killed_supervisor_leaves_no_process(supervise: Supervise) -> None:
    """Not even one that ignores requests."""
    supervised = supervise(stubborn=STUBBORN, willing=STEADY)
    supervised.wait_until_ready()

    supervised.process.kill()

    wait_until(lambda: not any(map(_is_alive, supervised.ids.values())))


def test_a_process_that_dies_is_named_and_started_again(supervise: Supervise) -> None:
    """With its last lines, which usually say why."""
    supervised = supervise(mortal=DYING_ONCE)
    supervised.wait_until_ready()

    wait_until(lambda: supervised.has_told("process_ready_again"))

    (ended,) = [line for line in supervised.told() if line["event"] == "process_ended"]
    assert ended["of"] == "mortal"
    assert ended["last_lines"] == ["its last words"]
    assert ended["how"] == "ended with status 0"


def test_a_process_that_dies_again_and_again_is_given_ever_more_time(supervise: Supervise) -> None:
    """Each pause is twice the one before, and is told; the others run on."""
    supervised = supervise(mortal="say_ready(); raise SystemExit(4)", steady=STEADY)
    supervised.wait_until_ready()

    def pauses() -> list[object]:
        ended = [line for line in supervised.told() if line["event"] == "process_ended"]
        assert {line["of"] for line in ended} <= {"mortal"}
        return [line["restarted_in_seconds"] for line in ended]

    wait_until(lambda: len(pauses()) >= 3)
    assert pauses()[:3] == [0.5, 1.0, 2.0]
    assert _is_alive(supervised.ids["steady"])


def test_a_process_that_cannot_start_is_given_up(supervise: Supervise) -> None:
    """After three attempts the start has failed, the rest is stopped, and the reason is shown."""
    supervised = supervise(steady=STEADY, broken="print('it is broken'); raise SystemExit(3)")

    assert supervised.process.wait(SECONDS) == 1
    assert "broken did not start: ended with status 3\n  it is broken" in supervised.errors()
