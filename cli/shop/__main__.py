"""The shop as a process: `python -m cli.shop FILE PORT GATEWAY`."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cli.shop.server import Shop, ShopServer
from config.readiness import announce_ready


def main(path: str, port: str, gateway: str) -> None:
    """The shop has served until it was told to stop."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, _end)
    with ShopServer(Shop(Path(path), gateway, int(port)), int(port)) as server:
        announce_ready()
        server.serve_forever()


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
