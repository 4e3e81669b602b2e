"""Somebody who follows a document to the letter, in a fresh checkout."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.documents import ROOT
from tests.servers.ports import free_port
from tests.waiting import wait_until

# Commands that stay, and what they say once they do what they are for.
STAYING = {
    "make run": "ready http://",
    "examples/sign_in.py": "signed in as Ada Lovelace",
    "examples/own_site.py": "my site is at http://",
}

SECONDS = 150.0


class Newcomer:
    """Somebody in a fresh checkout, with as many terminals as needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, self.site_port = free_port(), free_port()
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")
        } | {
            "PORT": str(port),
            "SITE_PORT": str(self.site_port),
            "GATEWAY": f"http://127.0.0.1:{port}",
        }
        self._staying: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}

    def type(self, block: str) -> str:
        """The commands were run, or do what they are for and stay; returns what they printed."""
        for name, sign in STAYING.items():
            if name in block:
                return self._begin(name, block, sign)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    def interrupt(self, name: str) -> str:
        """Ctrl-C in that command's terminal; returns all that it printed."""
        os.killpg(self._staying[name][0].pid, signal.SIGINT)
        return self.end_of(name)

    def end_of(self, name: str) -> str:
        """What a staying command printed until it ended, well."""
        process, log = self._staying[name]
        assert process.wait(SECONDS) in {0, -signal.SIGINT}
        return log.read_text()

    def close(self) -> None:
        """Nothing is left."""
        for process, _ in self._staying.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _begin(self, name: str, block: str, sign: str) -> str:
        log = self.folder / f"{len(self._staying)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._staying[name] = process, log

        def shows_it() -> bool:
            told = log.read_text()
            assert sign in told or process.poll() is None, told[-3000:]
            return sign in told

        wait_until(shows_it, sign, SECONDS)
        return log.read_text()


@contextmanager
def a_newcomer(folder: Path) -> Iterator[Newcomer]:
    """In a folder that has all of the checkout, and no data yet."""
    for path in ROOT.iterdir():
        if path.name not in {".data", ".env", ".git"}:
            (folder / path.name).symlink_to(path)
    somebody = Newcomer(folder)
    try:
        yield somebody
    finally:
        somebody.close()
