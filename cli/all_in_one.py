"""Gateway and dashboard in one process behind one port. A program: `python -m cli.all_in_one`."""

import sys

import click
import uvicorn

from cli.failures import report
from cli.listening import TELLING_READY, host_option, port_option, prepare_to_serve
from cli.one_port import OnePort
from config.settings import DashboardSettings, GatewaySettings
from dashboard.app import make_dashboard
from gateway.app import make_gateway
from gateway.sockets import make_config

PORT = 8400


class OnePortSettings(GatewaySettings, DashboardSettings):
    """What a process that is both knows."""


@click.command()
@host_option
@port_option(PORT)
def all_in_one(host: str, port: int) -> None:
    """Run gateway and dashboard behind one port, on one machine."""
    settings = prepare_to_serve(OnePortSettings, host, port)
    gateway = make_gateway(settings)
    app = OnePort(gateway, gateway.asgi, make_dashboard(settings))
    config = make_config(
        app, gateway.websocket_protocol, host=host, port=port, lifespan="on", **TELLING_READY
    )
    uvicorn.Server(config).run()


def main() -> int:
    """The process has served until it was told to stop, or says why it cannot."""
    try:
        all_in_one.main(standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback
        return report(error, as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
