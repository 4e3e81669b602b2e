"""Running `widget-auth`: as a process of its own, or quickly as a fork of a warm one."""

import base64
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("widget-auth")
DEADLINE_SECONDS = 60.0

_NUMBERS = itertools.count()
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "cli.api_keys",
        "cli.doctor",
        "cli.main",
        "cli.members",
        "cli.migrating",
        "cli.outbox",
        "cli.visitor_changes",
        "cli.hours",
        "cli.projects",
        "cli.revealing",
        "cli.rotating",
        "cli.rotation_changes",
        "cli.rotations",
        "cli.sessions",
        "cli.settling",
        "cli.signing_secrets",
        "cli.tokens",
        "cli.visitors",
        "config.publisher",
    ]
)


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        [line] = self.out.splitlines()
        document: dict[str, Any] = json.loads(line)
        return document

    @property
    def error(self) -> tuple[int, str]:
        """Exit code, and the code of the JSON failure."""
        error = self.document["error"]
        assert set(error) == {"code", "message"}
        assert error["message"]
        return self.code, error["code"]


class CommandLine:
    """`widget-auth` with the settings of one system. A traceback fails the test."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self.folder = folder

    def __call__(
        self, *arguments: str, stdin: str | bytes = b"", settings: Mapping[str, str] | None = None
    ) -> Finished:
        """The command has run in a process forked from one that had loaded it all before."""
        files = [self.folder / name for name in ("stdin", "stdout", "stderr")]
        files[0].write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        code = self._fork(arguments, self._environment(settings), files).wait()
        return _checked(Finished(code, files[1].read_text(), files[2].read_text()))

    def begin(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        terminal: Path | None = None,
    ) -> "Begun":
        """As a call, and it may not have ended; at a terminal, with these variables."""
        number = next(_NUMBERS)
        names = (f"{name}-{number}" for name in ("stdin", "stdout", "stderr"))
        files = [terminal or self.folder / name for name in names]
        for file in files:
            file.touch()
        return self._fork(arguments, {**self._environment(None), **(variables or {})}, files)

    def _fork(
        self, arguments: Sequence[str], environment: dict[str, str], files: list[Path]
    ) -> "Begun":
        told = (arguments, environment, self.folder, files)
        process = _SERVER.Process(target=_run_forked, args=told)
        process.start()
        return Begun(process, *files[1:])

    def as_process(
        self, *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None
    ) -> Finished:
        """The installed program has run."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self._environment(settings),
            cwd=self.folder,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return _checked(Finished(done.returncode, done.stdout, done.stderr))

    def start(
        self, *arguments: str, variables: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[bytes]":
        """The installed program runs, with these variables beside the settings."""
        environment = {**self._environment(None), **(variables or {})}
        return subprocess.Popen([PROGRAM, *arguments], env=environment, cwd=self.folder, **options)

    def _environment(self, settings: Mapping[str, str] | None) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = {**self.environment, **(settings or {})}
        return {**kept, **{f"WIDGET_AUTH_{name}": value for name, value in given.items()}}


@dataclass(frozen=True)
class Begun:
    """A command in a process of its own, which may not have ended, and what it writes."""

    process: BaseProcess
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        """Its process, and its group."""
        assert self.process.pid
        return self.process.pid

    def has_ended(self) -> bool:
        """Whether it has."""
        return self.process.exitcode is not None

    def send_signal(self, number: signal.Signals) -> None:
        """It has got the signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """It has ended; returns its exit code."""
        self.process.join(DEADLINE_SECONDS)
        assert self.process.exitcode is not None, "the command does not end"
        return self.process.exitcode

    def kill(self) -> None:
        """It is gone, and what it has written is kept."""
        self.process.kill()
        self.wait()

    def finish(self) -> Finished:
        """It has ended."""
        return Finished(self.wait(), self.out.read_text(), self.err.read_text())


def key(letter: str) -> str:
    """A setting with one key, of 32 times this letter."""
    return base64.urlsafe_b64encode(letter.encode() * 32).decode()


def _run_forked(
    arguments: Sequence[str], environment: dict[str, str], folder: Path, files: list[Path]
) -> None:
    from cli.main import run  # noqa: PLC0415 - loaded in the server already

    os.setsid()
    for descriptor, file in enumerate(files):
        mode = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(file, mode), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.exit(run(arguments))


def _checked(finished: Finished) -> Finished:
    assert finished.code in (0, 1, 2, 3), finished
    assert "Traceback" not in finished.out + finished.err, finished
    assert finished.code != 0 or "Error" not in finished.err, finished
    assert finished.code == 0 or finished.err or '"error"' in finished.out, finished
    return finished
