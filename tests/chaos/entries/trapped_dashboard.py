"""The dashboard, with traps. Usage: PORT."""

import sys

from uvicorn import Server

from cli.listening import TELLING_READY, prepare_to_serve
from config.settings import DashboardSettings
from dashboard.app import make_dashboard
from dashboard.server import make_config
from tests.chaos.entries.traps import Traps

HOST = "127.0.0.1"


def main() -> None:
    """The dashboard has served until it was told to stop."""
    port = int(sys.argv[1])
    dashboard = make_dashboard(prepare_to_serve(DashboardSettings, HOST, port))
    dashboard.runtime.stores.transactor.reached = Traps()
    Server(make_config(dashboard, host=HOST, port=port, **TELLING_READY)).run()


if __name__ == "__main__":
    main()
