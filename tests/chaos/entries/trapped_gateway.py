"""The gateway, with traps. Usage: PORT."""

import sys

from cli.listening import TELLING_READY, prepare_to_serve
from config.settings import GatewaySettings
from gateway.app import run
from tests.chaos.entries.traps import Traps

HOST = "127.0.0.1"


def main() -> None:
    """The gateway has served until it was told to stop."""
    port = int(sys.argv[1])
    settings = prepare_to_serve(GatewaySettings, HOST, port)
    run(settings, host=HOST, port=port, reached=Traps(), **TELLING_READY)


if __name__ == "__main__":
    main()
