"""The test application as a process of its own."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.integration.sockets.raw_peer import RawPeer, upgrade_request
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
IMPATIENCE_SECONDS = 0.5

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EchoProcess:
    """A running application."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        self.port = int(process.stdout.readline().split()[1])

    def peer(self, **options: Any) -> RawPeer:
        """A fresh TCP connection to it."""
        return RawPeer(self.port, **options)

    def socket(self, **options: Any) -> RawPeer:
        """A fresh socket; the first one that an impatient application did not find asked late."""
        while True:
            peer = self.peer(**options)
            peer.send(upgrade_request())
            response = peer.response()
            if response.status != HTTPStatus.REQUEST_TIMEOUT:
                assert response.status == HTTPStatus.SWITCHING_PROTOCOLS, response
                return peer
            peer.socket.close()

    @property
    def url(self) -> str:
        """Where its sockets are."""
        return f"ws://127.0.0.1:{self.port}/v1/socket"

    def get(self, path: str) -> Any:
        """The JSON at the path."""
        with _NO_PROXY.open(
            f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_SECONDS
        ) as response:
            return json.load(response)

    def state(self) -> dict[str, Any]:
        """What it knows of its sockets."""
        state: dict[str, Any] = self.get("/state")
        return state

    def wait_for(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first state that is as wanted."""
        states = [self.state()]

        def is_reached() -> bool:
            states.append(self.state())
            return reached(states[-1])

        wait_until(is_reached, f"what {states[0]} is to become", DEADLINE_SECONDS)
        return states[-1]

    def stop(self) -> dict[str, Any]:
        """It has been told to stop and has; what it said at its end."""
        self.process.terminate()
        return self.farewell()

    def farewell(self) -> dict[str, Any]:
        """What it said at its end, once it has ended."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        self.process.wait(DEADLINE_SECONDS)
        last = [line for line in output.splitlines() if line.startswith("ended ")]
        state: dict[str, Any] = json.loads(last[0].removeprefix("ended "))
        return state


@contextmanager
def echo_process(folder: Path, *arguments: str) -> Iterator[EchoProcess]:
    """The application runs, and is gone afterwards."""
    log = folder / "log"
    module = "tests.integration.sockets.echo_app"
    patience = ["--patience", str(PATIENCE_SECONDS)]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", module, *patience, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield EchoProcess(process, log)
        finally:
            process.kill()
