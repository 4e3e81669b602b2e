"""`widget-auth dev`, which is what `make run` starts, in a process of its own."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.acceptance.processes import ROOT

STOP_SECONDS = 60.0


class Dev:
    """One `widget-auth dev` in a process of its own."""

    def __init__(self, data_dir: Path, *arguments: str, **environ: str) -> None:
        self.data_dir = data_dir
        number = len([*data_dir.parent.glob(f"{data_dir.name}-*.log")]) + 1
        self.log = data_dir.parent / f"{data_dir.name}-{number}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "dev", *(arguments or ("--port", "0"))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**environ_of(data_dir), **environ},
            )
        self.lines: list[str] = []
        self.url = ""

    def wait_until_ready(self) -> str:
        """The URL of the `ready` line."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("ready "):
                self.url = line.split()[1]
                return self.url
        raise AssertionError(self.log.read_text()[-3000:])

    @property
    def told(self) -> dict[str, str]:
        """What it printed before the `ready` line, such as `password`, by name."""
        pairs = [re.split(r"\s{2,}", line, maxsplit=1) for line in self.lines]
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def children(self) -> dict[int, str]:
        """Its processes by id, with their commands."""
        return {
            process_id: command
            for process_id, (parent, command) in processes().items()
            if parent == self.process.pid
        }

    def events(self, name: str) -> list[dict[str, object]]:
        """What it told of that name so far."""
        whole, _, _ = self.log.read_text().rpartition("\n")  # the last one may be half written
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["event"] == name]

    def close(self) -> None:
        """Nothing is left, whatever the test did."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.process.kill()
        self.process.communicate()


def environ_of(data_dir: Path) -> dict[str, str]:
    """Only the data dir says where the system is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
    return kept | {"WIDGET_AUTH_DATA_DIR": str(data_dir)}


def processes() -> dict[int, tuple[int, str]]:
    """Every process of this machine: its parent and its command."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if fields[0] != "Z":
                found[int(folder.name)] = (int(fields[1]), command)
    return found
